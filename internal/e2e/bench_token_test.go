//go:build linux

package e2e

import (
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// BenchmarkToken measures the way through a door for one-time tokens as BenchmarkOpen
// does, beside nc to a port without a guard. No process follows another: each spends a
// token.
func BenchmarkToken(b *testing.B) {
	lab.Need(b, "nc")
	for _, c := range []course{
		{"50 ms", "token", lab.Link{Delay: 25 * time.Millisecond}, 80,
			"median at most 3 ms over nc's"},
		{"50 ± 40 ms, 2 % loss", "token", lab.Link{Delay: 25 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.02}, 200,
			"median at most 1.03 of nc's, p95 at most nc's"},
		{"50 ± 10 ms, 2 % loss", "token", lab.Link{Delay: 25 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.02}, 200,
			"median at most 1.03 of nc's, p95 at most nc's"},
		{"200 ± 80 ms, 5 % loss", "token", lab.Link{Delay: 100 * time.Millisecond, Jitter: 40 * time.Millisecond, Loss: 0.05}, 150,
			"median at most 1.03 of nc's, p95 at most nc's"},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := newTokenDoor(b, c.link)
			d.key(b, "anna")
			servers := map[string]*lab.Banner{"22": nil, "2222": d.Server.Banner(b, 2222)}
			tools := []tool{
				{name: "nc, no guard", port: "2222", line: `exec nc $0 $1`},
				{name: "knockpipe, token", port: "22", line: "XDG_RUNTIME_DIR=/proc/none XDG_STATE_HOME=/proc/none exec \"$2\" -f " + d.config(b, "anna", "") + " $0 $1"},
			}
			results := make([]result, len(tools))
			for range c.rounds {
				for i, t := range tools {
					d.shut(b)
					d.unspend(b, "anna")
					took, err := t.banner(b, d.Lab)
					results[i].tool = t.name
					if err != nil {
						results[i].failed++
						continue
					}
					results[i].took = append(results[i].took, took)
				}
			}
			for i := range results {
				results[i].took.sort()
			}
			results[0].accepted = servers["2222"].Accepted()
			results[1].accepted = d.banner.Accepted()
			b.Logf("%s: %s\n%s", c.name, c.bar, table(results))
			direct, ours := results[0].took, results[1].took
			b.ReportMetric(ours.at(0.5).Seconds()/direct.at(0.5).Seconds(), "median/nc")
			b.ReportMetric(ours.at(0.95).Seconds()/direct.at(0.95).Seconds(), "p95/nc")
			b.ReportMetric(float64(results[1].failed), "failures")
		})
	}
}

// unspend has a key's table forget what was used, so that a few slots are enough for any
// number of tries, and loads it again, so that there are some.
func (d *tokenDoor) unspend(t testing.TB, name string) {
	t.Helper()
	flush(t, d.Server, "knockpipe_key_"+name, "spent_v1")
}
