//go:build linux

package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// BenchmarkCrowd runs forty real ssh at once to a real sshd, and measures when
// the last one is through: to a port without a guard, and to one behind a knock.
// The two take turns.
func BenchmarkCrowd(b *testing.B) {
	const crowd, rounds = 40, 3
	for _, g := range guards {
		if g.name != "nftables" && g.name != "knockd" {
			continue
		}
		b.Run(g.name, func(b *testing.B) {
			l := lab.New(b, lab.Link{Delay: 10 * time.Millisecond})
			g.set(b, l)
			sshd := l.Server.SSHD(b, "Port 22", "Port 2222", "MaxStartups 500", "MaxSessions 500")
			config := sshd.ClientConfig(b, fmt.Sprintf("Host direct\n\tHostName %v\n\tPort 2222\nHost tango\n\tHostName %v\n\tProxyCommand %s %%h %%p %s\n",
				l.Server.IP4, l.Server.IP4, binary(b), sequence))
			var direct, knocked times
			for range rounds {
				direct = append(direct, all(b, l, crowd, "ssh", "-F", config, "direct", "true"))
				g.forget(b, l)
				knocked = append(knocked, all(b, l, crowd, "ssh", "-F", config, "tango", "true"))
			}
			sshd.Settle()
			d, k := direct.median(), knocked.median()
			b.Logf("the last of %d is through after: direct %v, knockpipe %v, ratio %.2f; of %d connections sshd saw %d, %d closed before login",
				crowd, d.Round(time.Millisecond), k.Round(time.Millisecond), k.Seconds()/d.Seconds(),
				2*rounds*crowd, sshd.Connections(), len(sshd.Preauth()))
			drawn.add(figure{fmt.Sprintf("last of %d ssh at once, %s", crowd, g.name), k.Seconds(), "no guard", d.Seconds(), "s"})
			b.ReportMetric(k.Seconds()/d.Seconds(), "last/direct")
		})
	}
}

// all runs so many of a command at once and returns when the last one has ended.
// A failure of one fails the benchmark.
func all(b *testing.B, l *lab.Lab, crowd int, name string, args ...string) time.Duration {
	b.Helper()
	start := time.Now()
	var wg sync.WaitGroup
	for range crowd {
		wg.Go(func() {
			if out, err := l.Client.Command(name, args...).CombinedOutput(); err != nil {
				b.Errorf("%s: %v: %s", name, err, out)
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}
