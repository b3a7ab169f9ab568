package proxy

import (
	"io"
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
		napsToo     bool          // the answer does: nothing has come when the nap ends
		least, most float64       // what share of the moves a nap follows
	}{
		{"a keystroke's pace", 100 * time.Millisecond, false, false, 0, 0},
		{"a slow network", 3 * time.Millisecond, false, false, 0, 0},
		{"an answer to each packet", 100 * time.Microsecond, true, false, 0, 0.02},
		{"an answer that naps too", 100 * time.Microsecond, true, true, 0, 0.02},
		{"a slow ssh", 250 * time.Microsecond, false, false, 0.8, 0.95},
		{"a fast ssh", 50 * time.Microsecond, false, false, 0.8, 0.95},
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
					if tt.napsToo {
						c.paused()
						time.Sleep(tt.every)
					}
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

// TestCoalescingEnds ends the naps where a way pauses, and where it ends: the other way
// goes on. It may have set them itself, and then goes on with them.
func TestCoalescingEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(mine, other *coalescing)
		want time.Duration
	}{
		{"a pause of the other way", func(_, other *coalescing) { other.paused() }, longestNap},
		{"the end of the other way", func(_, other *coalescing) { other.awake() }, longestNap},
		{"a pause", func(mine, _ *coalescing) { mine.paused() }, 0},
		{"the end", func(mine, _ *coalescing) { mine.awake() }, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			var nap atomic.Int64
			mine, other := newCoalescing(&nap), newCoalescing(&nap)
			for _, c := range []*coalescing{&mine, &other} {
				for range fewMoves {
					time.Sleep(longestNap / 2)
					c.moved(leastBatch)
				}
			}
			if got := time.Duration(nap.Load()); got != longestNap {
				t.Fatalf("naps of %v, want %v", got, longestNap)
			}
			tt.end(&mine, &other)
			if got := time.Duration(nap.Load()); got != tt.want {
				t.Errorf("after %s: naps of %v, want %v", tt.name, got, tt.want)
			}
		})
	}
}

// TestCoalescingOfAnEndedWay leaves no naps behind when stdin ends.
func TestCoalescingOfAnEndedWay(t *testing.T) {
	client, server := connected(t)
	network, err := detach(client)
	if err != nil {
		t.Fatal(err)
	}
	defer network.close()
	go io.Copy(io.Discard, server)
	in, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	napped := make(chan bool)
	both := new(load)
	go func() {
		seen := false
		for block, start := make([]byte, 32<<10), time.Now(); !seen && time.Since(start) < 5*time.Second; {
			inW.Write(block)
			seen = both.nap.Load() > 0
		}
		inW.Close()
		napped <- seen
	}()
	if err := carryUp(network, in, new(atomic.Int64), both); err != nil {
		t.Fatal(err)
	}
	if !<-napped {
		t.Skip("skipping, this machine is too busy for a nap")
	}
	if got := both.nap.Load(); got != 0 {
		t.Errorf("after the end of stdin: naps of %d ns, want none", got)
	}
}
