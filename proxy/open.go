package proxy

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// An Opener opens a port that may be guarded by a knock.
type Opener struct {
	// Knock sends the sequence once to an address, with a pause of gap between
	// two knocks. An error means that a knock could not leave this machine. Nil
	// stands for a port without a guard.
	Knock func(ctx context.Context, to netip.Addr, gap time.Duration) error

	// Gap is the least pause between two knocks, also of the first try. Zero
	// leaves the pauses to the schedule.
	Gap time.Duration

	// Tries is how often the sequence is sent to an address at the most. After
	// that the connects go on. Zero is until ctx ends.
	Tries int

	// Sources are the local addresses to connect from.
	Sources Sources

	// Logf is told what happens, by several goroutines. It may be nil.
	Logf func(format string, args ...any)

	dial dialFunc // instead of the network's, for tests
}

// A dialFunc makes one connection, unless ctx ends first.
type dialFunc func(ctx context.Context, to netip.AddrPort) (net.Conn, error)

// Open returns a connection to port at the first of addrs that takes one before
// ctx ends.
//
// With a Knock, each address is knocked before it is connected to, again and
// again: refused, unreachable and silent all mean that the port is still shut.
// An address that cannot be reached from here gives way to the next at once, one
// that does not answer is joined by the next after half a second. Connects
// overlap, but only one handshake completes. The error is a [*ShutError] if the
// port stayed shut.
//
// Without a Knock, each address gets one plain connect, in order.
func (o *Opener) Open(ctx context.Context, addrs []netip.Addr, port uint16) (net.Conn, error) {
	if o.Knock == nil {
		return o.connect(ctx, addrs, port)
	}
	r := &race{Opener: o, port: port, start: time.Now(), won: make(chan net.Conn, 1)}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	ended := make(chan error, 1)
	go func() { ended <- r.run(ctx, addrs) }()
	select {
	case conn := <-r.won:
		return settle(conn), nil
	case err := <-ended:
		select {
		case conn := <-r.won: // in the same moment
			return settle(conn), nil
		default:
			return nil, err
		}
	}
}

// connect is Open for a port without a guard.
func (o *Opener) connect(ctx context.Context, addrs []netip.Addr, port uint16) (conn net.Conn, err error) {
	for _, addr := range addrs {
		o.logf("connecting to %v port %d", addr, port)
		conn, err = o.dialPlain(ctx, netip.AddrPortFrom(addr, port))
		if err == nil {
			return conn, nil
		}
		o.logf("%v port %d: %v", addr, port, err)
	}
	return nil, err
}

// A race is one Open with a Knock: many connects, of which the first that
// completes is the session.
type race struct {
	*Opener
	port  uint16
	start time.Time

	claimed atomic.Bool
	won     chan net.Conn // takes the one connection that was claimed
}

// run tries the addresses, each from its head start on, until ctx ends or none
// of them can be reached.
func (r *race) run(ctx context.Context, addrs []netip.Addr) error {
	var attempts []*attempt
	var wg sync.WaitGroup
	for _, addr := range addrs {
		if ctx.Err() != nil {
			break
		}
		a := &attempt{race: r, addr: addr, gone: make(chan struct{})}
		attempts = append(attempts, a)
		wg.Go(func() { a.run(ctx) })
		select {
		case <-ctx.Done():
		case <-a.gone:
		case <-time.After(headStart):
		}
	}
	wg.Wait()
	return r.failure(attempts)
}

// claim makes conn the session if no other is yet, and else gets rid of it.
func (r *race) claim(conn net.Conn) {
	if r.claimed.CompareAndSwap(false, true) {
		r.won <- conn
		return
	}
	reset(conn)
}

// An attempt is what a race does at one address.
type attempt struct {
	*race
	addr netip.Addr

	gone chan struct{} // closed when the address cannot be reached from here
	err  error         // why, set before gone is closed

	tries  int
	answer atomic.Pointer[error] // the last one that a connect got from the network
}

// run knocks and connects by the schedule until ctx ends. Only the very first
// knock may say that the address is out of reach; later on, a link that is down
// can come back.
func (a *attempt) run(ctx context.Context) {
	var connects sync.WaitGroup
	defer connects.Wait()
	for round := range rounds() {
		if a.Tries == 0 || a.tries < a.Tries {
			if !a.try(ctx, max(round.gap, a.Gap)) {
				return
			}
		}
		var last time.Duration
		for at := range round.connects() {
			if !sleep(ctx, at-last) {
				return
			}
			last = at
			connects.Go(func() { a.connect(ctx) })
		}
		if !sleep(ctx, round.rest-last) {
			return
		}
	}
}

// try knocks once and reports whether there is reason to go on.
func (a *attempt) try(ctx context.Context, gap time.Duration) bool {
	a.logf("try %d at %v, gap %v", a.tries+1, a.addr, gap)
	err := a.Knock(ctx, a.addr, gap)
	switch {
	case ctx.Err() != nil:
		return false
	case err == nil:
		a.tries++
		return true
	}
	a.logf("%v: %v", a.addr, err)
	if a.tries == 0 {
		a.err = err
		close(a.gone)
		return false
	}
	return true
}

// connect starts one handshake and waits for its end.
func (a *attempt) connect(ctx context.Context) {
	elapsed := time.Since(a.start)
	ctx, cancel := context.WithTimeout(ctx, patience(elapsed))
	defer cancel()
	dial := a.dial
	if dial == nil {
		dial = a.dialHedged
	}
	conn, err := dial(ctx, netip.AddrPortFrom(a.addr, a.port))
	switch {
	case err == nil:
		a.claim(conn)
	case ctx.Err() != nil || err == errTimedOut: // silent, or the race is over
	default:
		if a.answer.Swap(&err) == nil {
			a.logf("%v port %d: still shut: %v", a.addr, a.port, err)
		}
	}
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

func (o *Opener) logf(format string, args ...any) {
	if o.Logf != nil {
		o.Logf(format, args...)
	}
}
