//go:build linux

package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSSHD(t *testing.T) {
	l := New(t)
	sshd := l.Server.SSHD(t, "Port 22", "Port 2222")
	config := sshd.ClientConfig(t, fmt.Sprintf(
		"Host four\n\tHostName %v\nHost six\n\tHostName %v\n\tPort 2222\n", l.Server.IP4, l.Server.IP6))
	for _, host := range []string{"four", "six"} {
		out, err := l.Client.Command("ssh", "-F", config, host, "touch $(whoami)-by-"+host).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Fatalf("got %q, %v, want success without a word", out, err)
		}
		if _, err := os.Stat(filepath.Join(sshd.Home, "root-by-"+host)); err != nil {
			t.Error(err)
		}
	}
	sshd.Settle()
	if got, want := sshd.Connections(), 2; got != want {
		t.Errorf("got %d connections, want %d:\n%s", got, want, sshd.Log())
	}
	if got := sshd.Preauth(); got != nil {
		t.Errorf("got %q, want no connection without a user", got)
	}

	// One that only looks.
	conn, err := l.Client.Dial("tcp", l.Server.IP4.String()+":22", patience)
	if err != nil {
		t.Fatal(err)
	}
	conn.Read(make([]byte, 1))
	conn.Close()
	sshd.Await("Connection reset by")
	sshd.Settle()
	if got, want := sshd.Connections(), 3; got != want {
		t.Errorf("got %d connections, want %d:\n%s", got, want, sshd.Log())
	}
	if got := sshd.Preauth(); len(got) != 1 {
		t.Errorf("got %q, want one connection without a user", got)
	}
	if got, want := l.Server.Handshakes(t), 3; got != want {
		t.Errorf("got %d handshakes, want %d", got, want)
	}
}

// TestConnections reads what OpenSSH 9.2p1 wrote about one connection of each
// kind.
func TestConnections(t *testing.T) {
	log, err := os.ReadFile("testdata/sshd.log")
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(string(log), "# "), "\n# ") {
		name, text, _ := strings.Cut(part, "\n")
		all := connections(text)
		if len(all) != 1 {
			t.Errorf("%s: got %d connections, want 1", name, len(all))
			continue
		}
		authenticated := strings.HasPrefix(name, "session")
		if c := all[0]; c.authenticated != authenticated || (c.end == "") != strings.HasSuffix(name, "still there") {
			t.Errorf("%s: got %+v", name, *c)
		}
	}
}
