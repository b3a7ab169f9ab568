//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knockpipe/knock/token"
)

// TestTokenDoors has a token for several doors, beside sequences of ports, and with more
// senders than a door can count.
func TestTokenDoors(t *testing.T) {
	t.Parallel()
	d := newTokenDoor(t)
	d.Server.Banner(t, 8022)
	d.key(t, "anna")
	config := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf("Host tango\n\tHostName 198.51.100.2\n\tKnock %s\nHost tango-anna\n\tHostName 198.51.100.2\n\tKnock token:%s/anna.key\n", sequence, d.dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	load := func(args ...string) {
		t.Helper()
		d.Server.Nft(t, printedRules(t, d.Lab, "nftables", config, args...))
	}
	shut := func() {
		t.Helper()
		for _, table := range []string{"knockpipe_22", "knockpipe_8022"} {
			flush(t, d.Server, table, "clients4", "clients6")
		}
	}
	in := func(alias, port string) {
		t.Helper()
		out, err := knockpipe(t, d.Lab, "-f "+config+" -n "+alias+" 198.51.100.2 "+port).CombinedOutput()
		if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
			t.Errorf("%s, port %s: got %q, %v, want %q: %s", alias, port, out, err, want, d.counts(t, "anna"))
		}
	}
	load("tango,tango-anna", "22,8022")
	for _, port := range []string{"22", "8022"} {
		for _, alias := range []string{"tango", "tango-anna"} {
			shut()
			in(alias, port)
		}
	}

	// One token opens both doors.
	shut()
	d.send(t, "udp", ours[0], d.unused(t, "anna"))
	if !d.open(t, ours[0]) {
		t.Error("one of two doors stays shut")
	}
	if _, err := d.Client.Dial("tcp4", "198.51.100.2:8022", 300*time.Millisecond); err != nil {
		t.Errorf("the other of two doors: %v", err)
	}

	// A set of rates that is full counts nobody, but tokens go on.
	shut()
	var elements []string
	for i := range 65535 {
		elements = append(elements, fmt.Sprintf("10.0.%d.%d . 198.51.100.2 timeout 60s", i/256, i%256))
	}
	flush(t, d.Server, "knockpipe_22", "rates4")
	d.Server.Nft(t, "add element inet knockpipe_22 rates4 { "+strings.Join(elements, ", ")+" }")
	in("tango-anna", "22")
	shut()
	if out, err := knockpipe(t, d.Lab, "-w 1 -f "+config+" -n tango 198.51.100.2 22").CombinedOutput(); err == nil {
		t.Errorf("a sequence counts though the set is full: %s", out)
	}

	// The door itself holds no secret.
	text = printedRules(t, d.Lab, "nftables", config, "-trial", "1m", "tango-anna", "22")
	key, err := os.ReadFile(filepath.Join(d.dir, "anna.key"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(key)), "\n")
	for _, word := range []string{lines[len(lines)-1], "40022", "anna.key"} {
		if strings.Contains(text, word) {
			t.Errorf("the door's rules hold %q", word)
		}
	}
	d.Server.Nft(t, text)
	in("tango-anna", "22")
	load("tango-anna", "22")
	shut()
	in("tango-anna", "22")
}

// unused returns a token that nobody has used.
func (d *tokenDoor) unused(t testing.TB, name string) [token.Size]byte {
	t.Helper()
	d.unspend(t, name)
	k, err := token.Read(filepath.Join(d.dir, name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return k.Token(token.SlotOf(time.Now()), 5)
}
