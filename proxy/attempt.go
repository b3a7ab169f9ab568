package proxy

import (
	"context"
	"iter"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// An attempt is what a race does at one address.
type attempt struct {
	*race
	addr   netip.Addr
	budget budget
	rounds func() (round, bool)
	stop   func()

	gone chan struct{} // closed when the address cannot be reached from here
	err  error         // why, set before gone is closed

	connects sync.WaitGroup
	running  atomic.Int32 // connects
	patient  atomic.Bool  // whether one of them waits for a slow link
	turned   atomic.Bool  // it had its turn
	tries    atomic.Int32
	gap      time.Duration                 // of the last try
	knocked  time.Time                     // when its last knock was sent
	answer   atomic.Pointer[error]         // the last one that a connect got from the network
	told     atomic.Pointer[string]        // what was last logged of that
	took     atomic.Pointer[time.Duration] // by the connect that won
}

func newAttempt(r *race, addr netip.Addr) *attempt {
	a := &attempt{race: r, addr: addr, gone: make(chan struct{}), budget: budget{start: time.Now()}}
	var pace Pace
	if r.Pace != nil {
		pace = r.Pace(addr)
	}
	a.rounds, a.stop = iter.Pull(rounds(pace))
	return a
}

// run knocks and connects until ctx ends or the address proves out of reach.
func (a *attempt) run(ctx context.Context) {
	defer a.stop()
	defer a.connects.Wait()
	if a.Turn == nil {
		for a.round(ctx) {
		}
		return
	}
	for a.turn(ctx) {
	}
}

// round knocks once and connects by the schedule. It reports whether there is
// reason to go on.
func (a *attempt) round(ctx context.Context) bool {
	round, _ := a.rounds()
	if a.Tries == 0 || int(a.tries.Load()) < a.Tries {
		knocks := a.Knocks
		if round.Restart && knocks > 2 {
			knocks += 2
		}
		if a.budget.take(round.Try, knocks) && !a.try(ctx, round.Try) {
			return false
		}
	}
	var last time.Duration
	for at := range round.connects() {
		if !sleep(ctx, at-last) {
			return false
		}
		last = at
		a.startConnect(ctx)
	}
	return sleep(ctx, round.rest-last)
}

// try knocks once and reports whether there is reason to go on. Only the very
// first knock may say that the address is out of reach; later on, a link that is
// down can come back.
func (a *attempt) try(ctx context.Context, try Try) bool {
	a.logf("try %d at %v, gap %v", a.tries.Load()+1, a.addr, try.Gap)
	err := a.Knock(ctx, a.addr, try)
	switch {
	case ctx.Err() != nil:
		return false
	case err == nil:
		a.gap, a.knocked = try.Gap, time.Now()
		a.tries.Add(1)
		return true
	}
	a.logf("%v: %v", a.addr, err)
	if a.tries.Load() == 0 {
		a.err = err
		close(a.gone)
		return false
	}
	return true
}

// startConnect begins a handshake, within the limits.
func (a *attempt) startConnect(ctx context.Context) {
	if a.Connects > 0 && int(a.running.Load()) >= a.Connects || !a.budget.connect() {
		return
	}
	a.running.Add(1)
	opening := Opening{Addr: a.addr, Tries: int(a.tries.Load()), Gap: a.gap, Lag: time.Since(a.knocked)}
	elapsed := time.Since(a.budget.start)
	a.connects.Go(func() {
		defer a.running.Add(-1)
		a.connect(ctx, opening, elapsed)
	})
}

// connect is one handshake, up to its end.
func (a *attempt) connect(over context.Context, opening Opening, elapsed time.Duration) {
	start := time.Now()
	patience, end := a.patience(elapsed)
	defer end()
	ctx, cancel := context.WithTimeout(over, patience)
	defer cancel()
	dial := a.dial
	if dial == nil {
		dial = a.dialHedged
	}
	conn, err := dial(ctx, netip.AddrPortFrom(a.addr, a.port))
	switch {
	case err == nil:
		opening.After, opening.Took = time.Since(a.start), time.Since(start)
		a.took.Store(&opening.Took)
		a.claim(win{conn, opening})
	case over.Err() != nil:
	case ctx.Err() != nil || err == errTimedOut:
		a.tell("silent")
	default:
		a.answer.Store(&err)
		a.tell(err.Error())
	}
}

// tell logs what the port answers, where that is news.
func (a *attempt) tell(answer string) {
	if last := a.told.Swap(&answer); last == nil || *last != answer {
		a.logf("%v port %d: still shut: %s", a.addr, a.port, answer)
	}
}

// patience is how long a connect may take that starts so long after the first try.
// Its end is to be told.
func (a *attempt) patience(elapsed time.Duration) (d time.Duration, end func()) {
	switch {
	case a.Connects > 0:
		return patienceOfFew(elapsed), func() {}
	case elapsed >= slow && a.patient.CompareAndSwap(false, true):
		return patience + elapsed, func() { a.patient.Store(false) }
	}
	return patience, func() {}
}

// sleep waits for d and reports whether ctx lasted as long.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
