//go:build linux

package e2e

import (
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
	"knockpipe/knock/fwknop"
)

// BenchmarkFwknop measures the time to the banner behind the real fwknopd, which
// sniffs and opens 20 to 200 ms after its packet, over a round trip of 50 ms. From
// each try, two round trips and fwknopd's own time for it are taken off: from the
// arrival of the packet until its log says that there is a rule.
func BenchmarkFwknop(b *testing.B) {
	const (
		rounds = 60
		delay  = 25 * time.Millisecond
	)
	l := lab.New(b, lab.Link{Delay: delay})
	d := fwknopd(b, l, keys, "")
	rc(b, l, "[tango]\n"+keys)
	server := l.Server.Banner(b, 22)
	l.Server.Banner(b, 2222)
	wire := l.Server.Sniff(b)
	var direct, ours, opening, over times
	memory := 0
	for range rounds {
		serverRun(b, l, "iptables", "-F", "FWKNOP_INPUT")
		unfollowed(b, l.Client.Own)
		took, _ := banner(b, l.Client, "nc", "198.51.100.2", "2222")
		direct = append(direct, took)
		before, rules := len(wire.Packets()), strings.Count(d.Log(), addedRule)
		added := make(chan time.Time, 1)
		go func() {
			for strings.Count(d.Log(), addedRule) == rules {
				time.Sleep(500 * time.Microsecond) // a sample of a clock
			}
			added <- time.Now()
		}()
		took, rss := banner(b, l.Client, binary(b), "198.51.100.2", "22", "fwknop:tango")
		ours = append(ours, took)
		memory = max(memory, rss)
		for _, p := range wire.Packets()[before:] {
			if p.Proto == "udp" && p.Dst.Port() == fwknop.DefaultPort {
				own := (<-added).Sub(p.Time)
				opening = append(opening, own)
				over = append(over, took-4*delay-own)
				break
			}
		}
	}
	round := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
	b.Logf("nc without a guard %v; knockpipe behind fwknopd median %v, p95 %v, longest %v, %d of %d in, resident %d kB",
		round(direct.median()), round(ours.median()), round(ours.at(0.95)), round(ours.at(1)), server.Accepted(), rounds, memory)
	b.Logf("fwknopd's own time median %v, p95 %v, longest %v; over that and two round trips: median %v, p95 %v, longest %v",
		round(opening.median()), round(opening.at(0.95)), round(opening.at(1)), round(over.median()), round(over.at(0.95)), round(over.at(1)))
	drawn.add(figure{"banner behind fwknopd, 50 ms", ours.median().Seconds() * 1000, "nc, no guard", direct.median().Seconds() * 1000, "ms"})
	b.ReportMetric(float64(over.median().Milliseconds()), "ms-over-2-RTT-and-opening")
}

// addedRule is what fwknopd says when it has opened.
const addedRule = "Added access rule"
