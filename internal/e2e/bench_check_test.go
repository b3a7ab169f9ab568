//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// BenchmarkCheck compares -check of a good host with what ssh takes to log in
// there, behind a door that refuses and one that is silent, over a round trip of
// 50 ms. The two take turns.
func BenchmarkCheck(b *testing.B) {
	const rounds = 6
	for _, g := range guards {
		if g.name != "nftables" && g.name != "silent" {
			continue
		}
		b.Run(g.name, func(b *testing.B) {
			l := lab.New(b, lab.Link{Delay: 25 * time.Millisecond})
			g.set(b, l)
			sshd := l.Server.SSHD(b)
			config := sshd.ClientConfig(b, fmt.Sprintf("Host tango\n\tHostName %v\n\t# Knock: %s\n\tProxyCommand %s %%h %%p\n",
				l.Server.IP4, sequence, binary(b)))
			home := b.TempDir()
			if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
				b.Fatal(err)
			}
			text, err := os.ReadFile(config)
			if err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(home, ".ssh", "config"), text, 0o600); err != nil {
				b.Fatal(err)
			}
			l.Client.Bind(b, home, "/root")
			var ssh, check times
			for range rounds {
				g.forget(b, l)
				ssh = append(ssh, took(b, l, "ssh", "tango", "true"))
				g.forget(b, l)
				check = append(check, took(b, l, binary(b), "-check", "tango"))
			}
			sshd.Settle()
			s, c := ssh.median(), check.median()
			b.Logf("ssh %v, knockpipe -check %v: %v more; sshd saw %d connections of %d runs",
				s.Round(time.Millisecond), c.Round(time.Millisecond), (c - s).Round(time.Millisecond), sshd.Connections(), 2*rounds)
			drawn.add(figure{"-check, " + g.name, c.Seconds() * 1000, "ssh", s.Seconds() * 1000, "ms"})
			b.ReportMetric((c - s).Seconds(), "s-more")
		})
	}
}

// took is how long a command of the client takes.
func took(b *testing.B, l *lab.Lab, name string, args ...string) time.Duration {
	b.Helper()
	start := time.Now()
	if out, err := l.Client.Command(name, args...).CombinedOutput(); err != nil {
		b.Fatalf("%s: %v: %s", name, err, out)
	}
	return time.Since(start)
}
