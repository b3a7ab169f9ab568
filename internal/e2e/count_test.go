//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// stockConf is knockd.conf as Debian installs it, in its own words: each opening puts
// a rule into the firewall, by -A or -I, and each closing takes one away.
func stockConf(add string) string {
	return `[options]
	UseSyslog
	Interface = eth0

[openSSH]
	sequence    = 7000,8000,9000
	seq_timeout = 5
	command     = /sbin/iptables ` + add + ` INPUT -s %IP% -p tcp --dport 22 -j ACCEPT
	tcpflags    = syn

[closeSSH]
	sequence    = 9000,8000,7000
	seq_timeout = 5
	command     = /sbin/iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT
	tcpflags    = syn
`
}

// stockFirewall shuts port 22 as it has to be for that.
func stockFirewall(t testing.TB, l *lab.Lab, add string) {
	t.Helper()
	lab.Need(t, "iptables", "iptables-restore")
	policy, last := "DROP", ""
	if add == "-I" {
		policy, last = "ACCEPT", "-A INPUT -p tcp --dport 22 -j DROP\n"
	}
	rules := filepath.Join(t.TempDir(), "rules")
	text := "*filter\n:INPUT " + policy + "\n-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n" + last + "COMMIT\n"
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	serverRun(t, l, "iptables-restore", rules)
}

// stockKnockd runs knockd with stockConf.
func stockKnockd(t testing.TB, l *lab.Lab, add string) {
	t.Helper()
	lab.Need(t, "knockd", "stdbuf")
	stockFirewall(t, l, add)
	conf := filepath.Join(t.TempDir(), "knockd.conf")
	if err := os.WriteFile(conf, []byte(stockConf(add)), 0o600); err != nil {
		t.Fatal(err)
	}
	l.Server.Daemon(t, "listening on eth0", "stdbuf", "-oL", "knockd", "-v", "-4", "-c", conf)
}

// openings counts the rules that let the client in.
func openings(t testing.TB, l *lab.Lab) int {
	t.Helper()
	out, err := l.Server.Command("iptables", "-S", "INPUT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(out, []byte("-s 198.51.100.1/32"))
}

// awaitShut waits until no rule lets the client in, and returns how many are left.
func awaitShut(t testing.TB, l *lab.Lab) (left int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) { // nothing tells of it
		if left = openings(t, l); left == 0 {
			return 0
		}
	}
	for range left { // for the next one
		serverRun(t, l, "iptables", "-D", "INPUT", "-s", "198.51.100.1", "-p", "tcp", "--dport", "22", "-j", "ACCEPT")
	}
	return left
}

const stockKnock = "Knock 7000 8000 9000\nKnockClose 9000 8000 7000\n"

// TestKnockCloseCounts closes a door that counts how often it was opened, as often as
// that, however the session ends.
func TestKnockCloseCounts(t *testing.T) {
	t.Parallel()
	const rounds = 3 // each with a lab of its own, as most of it is to wait
	for _, link := range []lab.Link{{}, {Delay: 25 * time.Millisecond, Jitter: 10 * time.Millisecond, Loss: 0.02}} {
		for i := range 2 * rounds {
			add := []string{"-A", "-I"}[i%2]
			t.Run(fmt.Sprintf("%v, %s, %d", link.Delay, add, i/2), func(t *testing.T) {
				t.Parallel()
				l := lab.New(t, link)
				stockKnockd(t, l, add)
				sshd := l.Server.SSHD(t)
				config := filepath.Join(t.TempDir(), "knock_config")
				if err := os.WriteFile(config, []byte(stockKnock), 0o600); err != nil {
					t.Fatal(err)
				}
				sshConfig := sshd.ClientConfig(t, fmt.Sprintf("Host tango\n\tHostName 198.51.100.2\n\tProxyCommand %s -f %s %%h %%p\n", binary(t), config))
				ends := map[string]func(t *testing.T){
					"normally": func(t *testing.T) {
						if out, err := l.Client.Command("ssh", "-F", sshConfig, "tango", "true").CombinedOutput(); err != nil {
							t.Errorf("ssh: %v: %s", err, out)
						}
					},
					"killed": func(t *testing.T) {
						cmd := l.Client.Command("ssh", "-F", sshConfig, "tango", "echo ready; cat")
						stdin, _ := cmd.StdinPipe()
						defer stdin.Close()
						stdout, _ := cmd.StdoutPipe()
						if err := cmd.Start(); err != nil {
							t.Fatal(err)
						}
						if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
							t.Errorf("got %q, %v", line, err)
						}
						cmd.Process.Kill()
						cmd.Wait()
					},
					"-check": func(t *testing.T) {
						out, err := knockpipe(t, l, "-check -f "+config+" 198.51.100.2 22").CombinedOutput()
						if want := "the door is shut again"; !strings.Contains(string(out), want) {
							t.Errorf("got %q, %v, want %q", out, err, want)
						}
					},
				}
				for how, end := range ends {
					end(t)
					if left := awaitShut(t, l); left > 0 {
						t.Errorf("%s: %d rules are left, want none", how, left)
					}
				}
			})
		}
	}
}

// TestKnockCloseUnopened leaves nothing open either where there was no session: the
// client was killed, or the time was up, while the sequence was sent, or sshd is down.
func TestKnockCloseUnopened(t *testing.T) {
	t.Parallel()
	end := func(s syscall.Signal) func(cmd *lab.Cmd) {
		return func(cmd *lab.Cmd) { cmd.Process.Signal(s) }
	}
	for name, tt := range map[string]struct {
		flags string
		end   func(cmd *lab.Cmd)
		want  string
	}{
		"reader is gone": {"", nil, "exit status 1"},
		"time up":        {"-w 2 ", func(*lab.Cmd) {}, "exit status 1"},
		"hangup":         {"", end(syscall.SIGHUP), "signal: hangup"},
		"terminate":      {"", end(syscall.SIGTERM), "signal: terminated"},
		"interrupt":      {"", end(syscall.SIGINT), "signal: interrupt"},
		"-check":         {"-check ", end(syscall.SIGTERM), "signal: terminated"},
		"-check, ^C":     {"-check ", end(syscall.SIGINT), "signal: interrupt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			stockKnockd(t, l, "-A")
			// The door opens, and what is behind it says nothing: no connect gets in.
			l.Server.Nft(t, "table inet mute { chain output { type filter hook output priority 0; tcp sport 22 drop; }; }")
			l.Server.Banner(t, 22)
			config := filepath.Join(t.TempDir(), "knock_config")
			if err := os.WriteFile(config, []byte(stockKnock), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := knockpipe(t, l, tt.flags+"-f "+config+" 198.51.100.2 22")
			stdin, _ := cmd.StdinPipe()
			defer stdin.Close()
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if tt.end == nil {
				cmd.Stdout = nil
				stdout, _ := cmd.StdoutPipe()
				tt.end = func(*lab.Cmd) { stdout.Close() }
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(5 * time.Second); openings(t, l) == 0; {
				if time.Now().After(end) {
					t.Fatal("the door does not open")
				}
				time.Sleep(time.Millisecond) // nothing tells of it
			}
			tt.end(cmd)
			if err := cmd.Wait(); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %q: %s", err, tt.want, &out)
			}
			if left := awaitShut(t, l); left > 0 {
				t.Errorf("%d rules are left, want none: %s", left, &out)
			}
		})
	}
}
