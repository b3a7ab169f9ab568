//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"knockpipe/internal/lab"
	"knockpipe/internal/rules"
	"knockpipe/knock/token"
)

// config is that of a client that opens the door by a key.
func (d *tokenDoor) config(t testing.TB, name, more string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	text := "# Knock: token:" + filepath.Join(d.dir, name+".key") + "\n" + more
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// in runs knockpipe, which gets in.
func (d *tokenDoor) in(t testing.TB, line string) {
	t.Helper()
	out, err := knockpipe(t, d.Lab, line).CombinedOutput()
	if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
		t.Errorf("knockpipe %s: got %q, %v, want %q: %s", line, out, err, want, d.counts(t, "anna"))
	}
}

// opened is how many tokens have opened.
func (d *tokenDoor) opened(t testing.TB) (n int) {
	t.Helper()
	fmt.Sscan(d.counts(t, "anna"), &n)
	return n
}

// TestTokenClient gets in by each carrier. A process that follows spends no token, unless
// the door is shut again.
func TestTokenClient(t *testing.T) {
	t.Parallel()
	for _, carrier := range []string{"udp:40022", "icmp", "tcp:40022"} {
		t.Run(carrier, func(t *testing.T) {
			t.Parallel()
			d := newTokenDoor(t, lab.Link{Delay: 20 * time.Millisecond})
			d.key(t, "anna", carrier)
			config := d.config(t, "anna", "")
			for i, addr := range []string{"198.51.100.2", "2001:db8::2"} {
				line := "-f " + config + " " + addr + " 22"
				d.shut(t)
				before := d.opened(t)
				d.in(t, line)
				if got := d.opened(t) - before; got < 1 || got > 2 {
					t.Errorf("%s: %d tokens opened, want one", addr, got)
				}
				before = d.opened(t)
				d.in(t, line)
				if got := d.opened(t) - before; got != 0 {
					t.Errorf("%s: %d tokens opened to one who follows", addr, got)
				}
				d.shut(t)
				d.in(t, line)
				if got := d.opened(t) - before; got < 1 || got > 2 {
					t.Errorf("%s: %d tokens opened after the door was shut, want one", addr, got)
				}
				d.shut(t)
				d.unspend(t, "anna")
				before = d.opened(t)
				if out, err := knockpipe(t, d.Lab, "-k "+line).CombinedOutput(); err != nil || len(out) > 0 {
					t.Errorf("-k: %v: %s", err, out)
				}
				if open, got := d.open(t, ours[i]), d.opened(t)-before; got != 2 || !open {
					t.Errorf("%s: after -k by %d tokens, open is %v", addr, got, open)
				}
			}
			if got, want := d.Server.Handshakes(t), 6+2; got != want {
				t.Errorf("the server's kernel completed %d handshakes, want %d", got, want)
			}
		})
	}
}

// TestTokenFew has a server that knows only some of the tokens, or receives only one of
// the carriers.
func TestTokenFew(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		carriers []string
		deaf     string // what does not get there
		slots    func(now time.Time) (first time.Time, length time.Duration, fresh bool)
	}{
		{"second carrier", []string{"udp:40022", "icmp"}, "udp dport 40022", nil},
		{"third carrier", []string{"udp:40022", "tcp:40022", "icmp"}, "meta l4proto { tcp, udp } th dport 40022", nil},
		{"after a boot", []string{"udp:40022"}, "", func(now time.Time) (time.Time, time.Duration, bool) {
			return token.SlotOf(now).Begin().Add(-time.Second), rules.MinSupply, false
		}},
		{"supply at its end", []string{"udp:40022"}, "", func(now time.Time) (time.Time, time.Duration, bool) {
			return token.SlotOf(now).Begin().Add(-10 * time.Minute), 12*time.Minute + time.Second, true
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newTokenDoor(t, lab.Link{Delay: 10 * time.Millisecond})
			k := d.key(t, "anna", tt.carriers...)
			if tt.deaf != "" {
				d.Server.Nft(t, "table inet deaf { chain c { type filter hook prerouting priority -400; "+tt.deaf+" drop; }; }")
			}
			if tt.slots != nil {
				d.Server.Nft(t, "delete table inet knockpipe_key_anna")
				first, length, fresh := tt.slots(time.Now())
				d.supply(t, &rules.Supply{Name: "anna", Key: k, Now: first, For: length, Fresh: fresh})
			}
			config := d.config(t, "anna", "")
			for _, addr := range []string{"198.51.100.2", "2001:db8::2"} {
				d.in(t, "-f "+config+" "+addr+" 22")
			}
			d.shut(t)
			const want = `(?m)^warn  the door opened only at try \d+: the first token did not open it\n      if this happens every time: `
			if out, err := knockpipe(t, d.Lab, "-check -f "+config+" 198.51.100.2 22").CombinedOutput(); !regexp.MustCompile(want).Match(out) {
				t.Errorf("-check: got %v, want %v:\n%s", err, want, out)
			}
		})
	}
}

// TestTokenWays gets in by each way to ask for it.
func TestTokenWays(t *testing.T) {
	t.Parallel()
	d := newTokenDoor(t)
	d.key(t, "anna", "icmp", "udp:40022")
	d.Client.WriteFile(t, "/etc/hosts", "198.51.100.2 tango\n2001:db8::2 tango\n198.51.100.3 gate\n2001:db8::3 gate\n")
	addAddress("198.51.100.3/24")(t, &lab.Lab{Client: d.Server})
	addAddress("2001:db8::3/64")(t, &lab.Lab{Client: d.Server})
	config := d.config(t, "anna", "")
	for _, line := range []string{
		"-f " + config + " tango 22", "-4 -f " + config + " tango 22", "-s 198.51.100.9 -f " + config + " tango 22",
		"-f " + d.config(t, "anna", "KnockHost gate\n") + " tango 22", "-f " + d.config(t, "anna", "KnockConnects 1\nKnockDelay 50\n") + " tango 22",
		"-f " + d.config(t, "anna", "KnockClose 7001\n") + " tango 22", "-f none tango 22 token:" + d.dir + "/anna.key",
	} {
		d.shut(t)
		d.unspend(t, "anna")
		d.in(t, line)
	}

	// The path is relative to the file in which it stands.
	path := filepath.Join(d.dir, "config")
	if err := os.WriteFile(path, []byte("Knock token:anna.key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.in(t, "-f "+path+" tango 22")

	for _, tt := range []struct{ line, want string }{
		{"-G -f " + config + " tango", "\nknock token:" + d.dir + "/anna.key # "},
		{"-check -f " + config + " tango 22", "tokens by icmp, udp; the clock here says 20"},
		{"-check -f " + d.config(t, "anna", "KnockClose 7001\n") + " tango 22", "KnockClose is not sent: a token door shuts by itself"},
		{"-vv -f " + config + " tango 22", "(token) to 2001:db8::2"},
		{"-f " + d.config(t, "anna", "KnockClose token:x\n") + " tango 22", ":2: KnockClose: a token cannot close a door"},
	} {
		d.shut(t)
		d.unspend(t, "anna")
		os.RemoveAll(filepath.Join(d.dir, "own"))
		cmd := knockpipe(t, d.Lab, tt.line)
		cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+t.TempDir())
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), tt.want) {
			t.Errorf("knockpipe %s: got %s, want %q", tt.line, out, tt.want)
		}
	}
}

// TestTokenUnprivileged has an unprivileged user with a home directory that cannot be
// written.
func TestTokenUnprivileged(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("skipping, only root can become someone else")
	}
	d := newTokenDoor(t)
	d.Client.Sysctl(t, "net.ipv4.ping_group_range", "1 0")
	d.key(t, "anna", "icmp", "tcp:40022") // by ICMP it is not permitted
	path := readable(t)
	key := filepath.Join(filepath.Dir(path), "anna.key")
	text, err := os.ReadFile(filepath.Join(d.dir, "anna.key"))
	if err == nil {
		err = os.WriteFile(key, text, 0o600)
	}
	if err == nil {
		err = os.Chown(key, 65534, 65534)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{"198.51.100.2", "2001:db8::2"} {
		d.shut(t)
		cmd := d.Client.Command(path, "-f", "none", addr, "22", "token:"+key)
		cmd.Dir, cmd.Env = "/", []string{"XDG_RUNTIME_DIR=/proc/none", "XDG_STATE_HOME=/proc/none"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "SSH-2.0-bench\r\n" {
			t.Errorf("%s: got %q, %v: %s", addr, out, err, d.counts(t, "anna"))
		}
	}
}

// TestTokenErrors has keys that cannot be used, and doors that stay shut. No character
// of the key is shown.
func TestTokenErrors(t *testing.T) {
	t.Parallel()
	d := newTokenDoor(t)
	d.key(t, "anna", "udp:40022")
	d.key(t, "same", "tcp:22")
	d.Server.Nft(t, "delete table inet knockpipe_key_anna")
	text, err := os.ReadFile(filepath.Join(d.dir, "anna.key"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	secret := lines[len(lines)-1]
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(d.dir, name+".key"), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(d.dir, name+".key"), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("shared", string(text), 0o640)
	write("cut", string(text[:len(text)-6]), 0o600)
	for name, want := range map[string]string{
		"none":   "none.key: no such file or directory\n",
		"shared": "shared.key: others can read or write this file, which holds a key: chmod 600\n",
		"cut":    "cut.key:4: neither a carrier (udp PORT, icmp, tcp PORT) nor a key of 32 bytes in base64\n",
		"same":   "(token): by tcp: the service port cannot carry a token\n",
		"anna":   "hint: do the clocks agree within two minutes, are tokens loaded on the server ",
	} {
		for _, mode := range []string{"", "-vv", "-check"} {
			out, err := knockpipe(t, d.Lab, mode+" -w 1.5 -f "+d.config(t, name, "")+" 198.51.100.2 22").CombinedOutput()
			if err == nil || !strings.Contains(strings.ReplaceAll(string(out), "\n       ", " hint:"), strings.TrimPrefix(want, "hint: ")) {
				t.Errorf("%s %s: got %v: %s, want %q", name, mode, err, out, want)
			}
			for i := range len(secret) - 8 {
				if bytes.Contains(out, []byte(secret[i:i+8])) {
					t.Errorf("%s %s shows some of the key: %s", name, mode, out)
				}
			}
		}
	}
}

// TestTokenCrowd has forty ssh at once, and then many sessions one after the other. All
// get in, and there are no other connections.
func TestTokenCrowd(t *testing.T) {
	t.Parallel()
	d := &tokenDoor{Lab: lab.New(t, lab.Link{Delay: 5 * time.Millisecond}), dir: t.TempDir()}
	d.loadDoor(t)
	sshd := d.Server.SSHD(t, "MaxStartups 100")
	d.key(t, "anna")
	config := sshd.ClientConfig(t, fmt.Sprintf("Host tango\n\tHostName 198.51.100.2\n\tProxyCommand %s -f %s -w 20 %%h %%p\n", binary(t), d.config(t, "anna", "")))
	const crowd, sessions = 40, 30
	ssh := func() {
		if out, err := d.Client.Command("ssh", "-F", config, "tango", "true").CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
	var wg sync.WaitGroup
	for range crowd {
		wg.Go(ssh)
	}
	wg.Wait()
	before := d.opened(t)
	start := time.Now()
	for range sessions {
		ssh()
	}
	took := time.Since(start)
	sshd.Settle()
	if got, want := sshd.Connections(), crowd+sessions; got != want {
		t.Errorf("sshd's log has %d connections, want %d", got, want)
	}
	after := d.opened(t)
	t.Logf("%d tokens for %d at once, %d for %d in %v", before, crowd, after-before, sessions, took.Round(time.Millisecond))
	if most := 2 * (1 + int(took/(7*time.Second))); after-before > most {
		t.Errorf("%d tokens for those that follow one another, want at most %d", after-before, most)
	}
}

// TestMatrixToken opens a door for tokens over every link, as TestMatrix does the others.
// With SOAK=1000 each link has ten doors at once, which are opened 100 times each.
func TestMatrixToken(t *testing.T) {
	t.Parallel()
	const most = 100 // of one door
	tries := 1
	if n, err := strconv.Atoi(os.Getenv("SOAK")); err == nil {
		tries = n
	}
	for _, link := range links {
		t.Run(link.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var took []time.Duration
			t.Cleanup(func() {
				if slices.Sort(took); len(took) > 0 {
					t.Logf("%d of %d opened: median %v, longest %v", len(took), tries, took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
				}
			})
			for first := 0; first < tries; first += most {
				t.Run(strconv.Itoa(first), func(t *testing.T) {
					t.Parallel()
					opened := openByTokens(t, link.Link, min(most, tries-first))
					mu.Lock()
					defer mu.Unlock()
					took = append(took, opened...)
				})
			}
		})
	}
}

// openByTokens opens a new door over a link so many times, and returns how long each
// took that opened it.
func openByTokens(t *testing.T, link lab.Link, tries int) (took []time.Duration) {
	d := newTokenDoor(t, link)
	d.key(t, "anna", "udp:40022", "icmp")
	config := d.config(t, "anna", "")
	wire := d.Client.Sniff(t)
	loaded := time.Now()
	for i := range tries {
		d.shut(t)
		d.unspend(t, "anna")
		if time.Since(loaded) > 30*time.Minute {
			d.load(t, "-for", "1h", filepath.Join(d.dir, "anna.key"))
			loaded = time.Now()
		}
		addr := []string{"198.51.100.2", "2001:db8::2"}[i%2]
		cmd := knockpipe(t, d.Lab, "-v -f "+config+" "+addr+" 22")
		if i%3 > 0 { // as one who does not follow
			cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR=/proc/none", "XDG_STATE_HOME=/proc/none")
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		start := time.Now()
		if out, err := cmd.Output(); err != nil || string(out) != "SSH-2.0-bench\r\n" {
			t.Errorf("try %d: got %q, %v, want a banner: %s\n%s", i, out, err, d.counts(t, "anna"), &stderr)
			continue
		}
		took = append(took, time.Since(start))
	}
	checkHandshakes(t, d.Lab, wire, tries)
	return took
}
