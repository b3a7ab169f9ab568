package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

// A sim is a network with one guarded host on it, in a synctest bubble's time:
// what a real firewall cannot show reliably, such as an exact order of packets.
type sim struct {
	delay   func() time.Duration // one way, drawn for each packet
	knocks  int                  // the sequence's length
	opening time.Duration        // from the last knock to the open port
	refuse  bool                 // a shut port answers with a reset
	lost    func() bool          // drawn for each packet; nil loses none
	knockd  *simKnockd           // counts the knocks, in place of a door that forgives
	locally error                // what this machine says to each knock

	mu       sync.Mutex
	left     time.Time // when the last packet left
	stage    int
	open     bool
	sent     []time.Duration // of knocks, since start
	dialled  []time.Duration // of connects, since start
	start    time.Time
	accepted []*simConn
}

func fixed(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

// knock sends the sequence once; the door advances by one on each knock that
// it expects and forgives all others, as an nftables set does.
func (s *sim) knock(ctx context.Context, _ netip.Addr, try Try) error {
	if s.locally != nil {
		return s.locally
	}
	var order []int
	if try.Restart {
		order = []int{1, 1}
	} else {
		for i := range s.knocks {
			order = append(order, i)
		}
	}
	for n, i := range order {
		if n > 0 && !sleep(ctx, try.Gap) {
			return ctx.Err()
		}
		s.mu.Lock()
		s.sent = append(s.sent, time.Since(s.start))
		s.mu.Unlock()
		if after := s.travel(); !s.loses() {
			time.AfterFunc(after, func() { s.arrive(i) })
		}
	}
	return nil
}

// travel returns when a packet sent now is there. Packets leave one after the
// other, a microsecond apart, so that only the delay can reorder them.
func (s *sim) travel() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.left = s.left.Add(time.Microsecond); s.left.Before(now) {
		s.left = now
	}
	return s.left.Sub(now) + s.delay()
}

func (s *sim) loses() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost != nil && s.lost()
}

func (s *sim) arrive(knock int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.knockd != nil:
		for _, open := range s.knockd.arrive(knock) {
			s.openIn(s.knockd.wait(), open)
		}
		return
	case knock != s.stage:
		return
	}
	if s.stage++; s.stage == s.knocks {
		s.stage = 0
		s.openIn(s.opening, true)
	}
}

// openIn opens the port after a while, or shuts it.
func (s *sim) openIn(after time.Duration, open bool) {
	if after == 0 {
		s.open = open
		return
	}
	time.AfterFunc(after, func() {
		s.mu.Lock()
		s.open = open
		s.mu.Unlock()
	})
}

// A simKnockd counts knocks as knockd 0.8 does (process_attempt and sniff in its
// knockd.c, and as measured): a knock that does not continue an attempt spoils it, and
// the next one only clears it away, unless it begins a new attempt. Without an attempt, a
// first knock begins one at each door.
type simKnockd struct {
	doors    [][]int // sequences; the first opens the port, the others shut it
	attempts []simAttempt
	timeout  time.Duration
	poll     time.Duration // it looks at what was captured this often
	start    time.Time     // when it did so first
}

type simAttempt struct {
	door, stage int // the stage is -1 when it is spoilt
	start       time.Time
}

// arrive takes a knock, and returns whether each door that it completes opens the port.
func (k *simKnockd) arrive(knock int) (done []bool) {
	k.attempts = slices.DeleteFunc(k.attempts, func(a simAttempt) bool {
		return a.stage < 0 || a.stage == len(k.doors[a.door]) || time.Since(a.start).Truncate(time.Second) >= k.timeout
	})
	if len(k.attempts) == 0 {
		for i, door := range k.doors {
			if door[0] == knock {
				k.attempts = append(k.attempts, simAttempt{door: i, start: time.Now()})
			}
		}
	}
	for i := range k.attempts {
		a := &k.attempts[i]
		door := k.doors[a.door]
		if door[a.stage] != knock {
			a.stage = -1
			continue
		}
		if a.stage++; a.stage == len(door) {
			done = append(done, a.door == 0)
		}
	}
	return done
}

// wait is how long knockd takes from now on: until it looks, and for a command.
func (k *simKnockd) wait() time.Duration {
	return k.poll - time.Since(k.start)%k.poll + 5*time.Millisecond
}

// dial is one SYN and what comes of it.
func (s *sim) dial(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
	s.mu.Lock()
	s.dialled = append(s.dialled, time.Since(s.start))
	s.mu.Unlock()
	if !sleep(ctx, s.travel()) {
		return nil, ctx.Err()
	}
	lost := s.loses()
	s.mu.Lock()
	open := s.open
	s.mu.Unlock()
	if lost || s.loses() || !open && !s.refuse {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if !sleep(ctx, s.travel()) { // a fixed delay keeps the answers' order too
		return nil, ctx.Err()
	}
	if !open {
		return nil, syscall.ECONNREFUSED
	}
	conn := &simConn{}
	s.mu.Lock()
	s.accepted = append(s.accepted, conn)
	s.mu.Unlock()
	return conn, nil
}

// kept counts the connections that were not closed again.
func (s *sim) kept() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.accepted {
		if !conn.closed {
			n++
		}
	}
	return n
}

type simConn struct {
	net.Conn
	closed bool
}

func (c *simConn) Close() error { c.closed = true; return nil }

// hosts makes an Opener for several simulated hosts.
func hosts(sims map[netip.Addr]*sim) *Opener {
	for _, s := range sims {
		s.start = time.Now()
	}
	at := func(addr netip.Addr) *sim { return sims[addr] }
	return &Opener{
		Knock:  func(ctx context.Context, to netip.Addr, try Try) error { return at(to).knock(ctx, to, try) },
		Knocks: 4,
		dial: func(ctx context.Context, to netip.AddrPort, _ *witness) (net.Conn, error) {
			return at(to.Addr()).dial(ctx, to)
		},
	}
}

var errSim = errors.New("network is unreachable")
