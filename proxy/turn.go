package proxy

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"time"
)

// A TurnFunc waits until no other process of this user knocks at an address, or
// ctx ends. Doors that count on the order of knocks are spoilt by two at a time.
type TurnFunc func(ctx context.Context, to netip.Addr) Turn

// A Turn is what came of the wait.
type Turn struct {
	// End gives the turn to the others, with the time that the port took to
	// answer the connect, or zero if it did not open. It is nil where another
	// process had its turn meanwhile.
	End func(took time.Duration)

	// Took is what that process gave to its End.
	Took time.Duration
}

// turnTime is how long a process knocks without success before others may.
const turnTime = 2 * time.Second

// LongestTurn is how long a process with so many knocks may have its turn, at the
// most: the round in which the time is up is finished. The gap is the least between
// two knocks.
func LongestTurn(knocks int, gap time.Duration) time.Duration {
	last := schedule[len(schedule)-1]
	return turnTime + time.Duration(knocks+2)*max(last.Gap, gap) + max(last.rest, 2*gap)
}

// turn knocks when it is this process's turn. If another one got in meanwhile,
// the port is tried first: it may be open for all of this host. It reports
// whether there is reason to go on.
func (a *attempt) turn(ctx context.Context) bool {
	start := time.Now()
	turn := a.Turn(ctx, a.addr)
	if waited := time.Since(start); waited > 20*time.Millisecond {
		a.logf("waited %v for another knockpipe that knocks at %v", waited.Round(time.Millisecond), a.addr)
	}
	if ctx.Err() != nil {
		if turn.End != nil {
			turn.End(0)
		}
		return false
	}
	if turn.End == nil {
		if turn.Took == 0 { // it did not get in, or had its turn only just now
			return sleep(ctx, time.Duration(1+rand.IntN(5))*time.Millisecond)
		}
		a.logf("another knockpipe is in at %v: trying port %d without a knock", a.addr, a.port)
		a.startConnect(ctx)
		return sleep(ctx, 2*turn.Took+20*time.Millisecond)
	}
	a.turned.Store(true)
	on := true
	for end := time.Now().Add(turnTime); on && time.Now().Before(end); {
		on = a.round(ctx)
	}
	turn.End(a.tookIt())
	return on && sleep(ctx, 20*time.Millisecond) // others wait for it
}

// tookIt is how long the connect took that won here, or zero.
func (a *attempt) tookIt() time.Duration {
	if took := a.took.Load(); took != nil {
		return *took
	}
	return 0
}
