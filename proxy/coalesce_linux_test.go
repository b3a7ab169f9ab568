package proxy

import (
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestCoalescing has ssh write 32 KiB again and again. A nap begins only where it saves
// wake-ups, and goes on only where ssh loses nothing by it.
func TestCoalescing(t *testing.T) {
	const packet, moves = 32 << 10, 20_000
	for _, tt := range []struct {
		name        string
		every       time.Duration // a packet
		waits       bool          // for an answer to each of them
		least, most float64       // what share of the moves a nap follows
	}{
		{"a keystroke's pace", 100 * time.Millisecond, false, 0, 0},
		{"a slow network", 3 * time.Millisecond, false, 0, 0},
		{"an answer to each packet", 100 * time.Microsecond, true, 0, 0.02},
		{"a slow ssh", 250 * time.Microsecond, false, 0.8, 0.95},
		{"a fast ssh", 50 * time.Microsecond, false, 0.8, 0.95},
	} {
		synctest.Test(t, func(t *testing.T) {
			var nap atomic.Int64
			c := newCoalescing(&nap)
			naps := 0
			for range moves {
				time.Sleep(tt.every)
				n := packet
				if d := time.Duration(nap.Load()); d > 0 {
					naps++
					if d > longestNap {
						t.Errorf("%s: a nap of %v, want at most %v", tt.name, d, longestNap)
					}
					time.Sleep(d - tt.every)
					if !tt.waits {
						n = int(int64(packet) * int64(d) / int64(tt.every))
					}
					if n > wide {
						t.Errorf("%s: a nap of %v fills the pipe", tt.name, d)
					}
				}
				c.moved(n)
			}
			if got := float64(naps) / moves; got < tt.least || got > tt.most {
				t.Errorf("%s: naps after %.3f of the moves, want %v to %v", tt.name, got, tt.least, tt.most)
			}
		})
	}
}

// TestCoalescingEnds ends the naps where the way up pauses, and where it ends: the other
// way goes on.
func TestCoalescingEnds(t *testing.T) {
	var nap atomic.Int64
	nap.Store(int64(longestNap))
	newCoalescing(&nap).paused()
	if got := nap.Load(); got != 0 {
		t.Errorf("after a pause: naps of %d ns, want none", got)
	}

	client, _ := connected(t)
	network, err := detach(client)
	if err != nil {
		t.Fatal(err)
	}
	defer network.close()
	in, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	inW.Close()
	nap.Store(int64(longestNap))
	if err := carryUp(network, in, new(atomic.Int64), &nap); err != nil {
		t.Fatal(err)
	}
	if got := nap.Load(); got != 0 {
		t.Errorf("after the end of stdin: naps of %d ns, want none", got)
	}
}
