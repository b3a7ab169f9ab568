//go:build linux

package e2e

import (
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// BenchmarkFwknop measures the time to the banner behind the real fwknopd, which
// sniffs and opens 20 to 200 ms after its packet, over a round trip of 50 ms.
func BenchmarkFwknop(b *testing.B) {
	const rounds = 100
	l := lab.New(b, lab.Link{Delay: 25 * time.Millisecond})
	fwknopd(b, l, keys, "")
	rc(b, l, "[tango]\n"+keys)
	server := l.Server.Banner(b, 22)
	l.Server.Banner(b, 2222)
	var direct, ours times
	memory := 0
	for range rounds {
		serverRun(b, l, "iptables", "-F", "FWKNOP_INPUT")
		took, _ := banner(b, l.Client, "nc", "198.51.100.2", "2222")
		direct = append(direct, took)
		took, rss := banner(b, l.Client, binary(b), "198.51.100.2", "22", "fwknop:tango")
		ours = append(ours, took)
		memory = max(memory, rss)
	}
	direct.sort()
	ours.sort()
	b.Logf("nc without a guard %v, knockpipe behind fwknopd median %v, p95 %v, longest %v: %v over nc, %d of %d in; resident %d kB",
		direct.at(0.5).Round(time.Millisecond), ours.at(0.5).Round(time.Millisecond), ours.at(0.95).Round(time.Millisecond), ours.at(1).Round(time.Millisecond),
		(ours.at(0.5) - direct.at(0.5)).Round(time.Millisecond), server.Accepted(), rounds, memory)
	b.ReportMetric(float64((ours.at(0.5) - direct.at(0.5)).Milliseconds()), "ms-over-nc")
}
