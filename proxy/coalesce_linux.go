package proxy

import (
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A coalescing saves wake-ups, as a network card does with its interrupts. ssh writes
// 32 KiB at a time, sshd no more, and to be woken for each costs more than to move it.
// So while one way carries much, it naps after each move, and what has come meanwhile is
// moved at once. The other way naps with it: what it carries are answers. A keystroke
// waits for nobody: a nap comes after a move, and only where moves have followed each
// other much faster than anyone types.
//
// A peer who waits for an answer to each of its writes would be slowed down by that. So
// every spell of naps is a trial. It begins with some moves without naps, whose rate the
// naps have to keep up.
type coalescing struct {
	nap     *atomic.Int64 // of both ways
	napping bool          // this way has set it

	since  time.Time // what follows is counted from here
	moves  int
	bytes  int
	rate   float64 // bytes in a nanosecond without naps
	before int     // how many moves without naps come before the next trial
}

const (
	// A nap lasts until the pipe, of which there is wide, may be half full. One that
	// would yield no more than two of ssh's writes saves too little.
	batch      = wide / 2
	leastBatch = 64 << 10
	longestNap = time.Millisecond

	fewMoves  = 8    // before a trial, and between two looks at its rate
	manyMoves = 1024 // before a trial, where many have failed
	trial     = 64   // moves

	// An answer to what the other way carries is no longer than this. Where it is, the
	// pipe may be full before a nap ends.
	answer = 4 << 10
)

func newCoalescing(nap *atomic.Int64) coalescing {
	return coalescing{nap: nap, since: time.Now(), before: fewMoves}
}

// moved is told of each move of its way.
func (c *coalescing) moved(n int) {
	c.moves++
	c.bytes += n
	switch {
	case !c.napping && c.moves >= c.before:
		c.rate = c.rateNow()
		c.awake()
		if c.rate*float64(longestNap) >= leastBatch {
			c.napping = c.nap.CompareAndSwap(0, int64(min(float64(longestNap), batch/c.rate)))
		}
	case c.napping && c.moves%fewMoves == 0 && c.slower():
		c.fail()
	case c.napping && c.moves >= trial:
		c.before = fewMoves
		c.awake()
	}
}

func (c *coalescing) rateNow() float64 { return float64(c.bytes) / float64(time.Since(c.since)) }

// slower reports whether a trial loses more than a tenth of the rate.
func (c *coalescing) slower() bool { return c.rateNow() < c.rate*9/10 }

// fail ends a trial, and puts the next one off.
func (c *coalescing) fail() {
	c.before = min(2*c.before, manyMoves)
	c.awake()
}

// paused is told that there was nothing to move, or no room for it. That ends a trial. It
// may be that either end has come to rest, or that one waited for an answer until the nap
// was over.
func (c *coalescing) paused() {
	switch {
	case c.napping && c.slower():
		c.fail()
	case c.napping:
		c.awake()
	}
}

// awake ends the naps, and counts anew.
func (c *coalescing) awake() {
	if c.napping {
		c.nap.Store(0)
		c.napping = false
	}
	c.moves, c.bytes, c.since = 0, 0, time.Now()
}

// takeNap sleeps in the kernel: the timers of Go's runtime wait for a millisecond at
// least, and wake other threads. It is so short that the runtime need not know. A signal
// may end it early, which does no harm.
func takeNap(nap *atomic.Int64) {
	if ns := nap.Load(); ns > 0 {
		t := unix.NsecToTimespec(ns)
		unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, 0, uintptr(unsafe.Pointer(&t)), 0, 0, 0)
	}
}
