package main

import (
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// nextKnock is how much later the next knock may come.
	nextKnock = 2 * time.Second

	// sameTime is how far apart two knocks must be to have an order. A listener
	// tells what came, not when, and four knocks within 100 us are accepted by
	// four goroutines in any order: with none of this, half of the sequences that
	// are sent back to back do not open.
	sameTime = time.Millisecond
)

// decoys is how many ports besides those of the knock a gate listens at. Who connects to
// one tries ports: a scan meets some between any two knocks. nftables counts packets for
// that, which a process does not see.
const decoys = 16

// A gate is to this process what examples/nftables.conf is to a host: it opens
// the service port for a while to an address that knocked in order. While it is
// shut, nothing listens there.
type gate struct {
	listeners []net.Listener // one for each knock, in order
	decoys    []net.Listener // no client knocks at these
	service   *net.TCPAddr
	stay      time.Duration // how long the door stays open

	// serve gets the connections, each on its own goroutine, and a channel that
	// is closed when the door is shut.
	serve func(conn net.Conn, shut <-chan struct{})
	logf  func(format string, args ...any)

	wg sync.WaitGroup // the accepting goroutines

	mu     sync.Mutex
	steps  map[string][]step // by address
	strays map[string]time.Time
	door   net.Listener  // nil while it is shut
	shut   chan struct{} // closed when the door is shut again
	closed bool
}

// A step is what one address has done at one knock.
type step struct {
	seen    time.Time // the last knock
	reached time.Time // the last one that came in its turn
}

// run lets knocks count.
func (g *gate) run() {
	g.steps, g.strays = make(map[string][]step), make(map[string]time.Time)
	for i, l := range g.listeners {
		g.wg.Go(func() { each(l, func(from string, at time.Time) { g.knock(from, i, at) }) })
	}
	for _, l := range g.decoys {
		g.wg.Go(func() { each(l, g.stray) })
	}
}

// each tells of every connection to a listener, which ends at once.
func each(l net.Listener, f func(from string, at time.Time)) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		at := time.Now()
		conn.Close()
		f(conn.RemoteAddr().(*net.TCPAddr).IP.String(), at)
	}
}

// stray forgets the knocks of an address that tries ports, and those to come.
func (g *gate) stray(from string, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.steps, from)
	g.strays[from] = at
}

// knock counts knock number i of an address. As with nftables, one that is out of
// turn does no harm: it takes the address no further.
func (g *gate) knock(from string, i int, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if stray, ok := g.strays[from]; g.door != nil || g.closed || ok && at.Sub(stray) < nextKnock {
		return
	}
	steps := g.steps[from]
	if steps == nil {
		steps = make([]step, len(g.listeners))
		g.steps[from] = steps
	}
	steps[i].seen = at
	// The ones after it may have been seen before it, at the same time.
	for ; i < len(steps) && (i == 0 || follows(steps[i-1], steps[i])); i++ {
		if steps[i].seen.Sub(steps[i].reached) > nextKnock {
			g.logf("knock %d of %d from %s", i+1, len(steps), from)
		}
		steps[i].reached = steps[i].seen
	}
	if i == len(steps) {
		delete(g.steps, from)
		g.open(from)
	}
}

// follows reports whether the second step was taken in its turn after the first.
func follows(first, second step) bool {
	after := second.seen.Sub(first.reached)
	return after > -sameTime && after < nextKnock
}

// open lets an address in for a while. g.mu is locked.
func (g *gate) open(from string) {
	door, err := net.ListenTCP("tcp4", g.service)
	if err != nil {
		g.logf("the door jams: %v", err)
		return
	}
	g.logf("door open for %s, for %v", from, g.stay)
	g.door, g.shut = door, make(chan struct{})
	shut := g.shut
	g.wg.Go(func() { g.admit(door, from, shut) })
	time.AfterFunc(g.stay, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.door == door {
			g.shutDoor()
		}
	})
}

// shutDoor undoes open. g.mu is locked.
func (g *gate) shutDoor() {
	g.door.Close()
	g.door = nil
	g.logf("door shut")
	close(g.shut)
}

// admit accepts connections until the door is shut. They live on after that.
func (g *gate) admit(door net.Listener, from string, shut <-chan struct{}) {
	for {
		conn, err := door.Accept()
		if err != nil {
			return
		}
		if conn.RemoteAddr().(*net.TCPAddr).IP.String() != from {
			conn.Close()
			continue
		}
		go g.serve(conn, shut)
	}
}

// close ends all, for good.
func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	for _, l := range slices.Concat(g.listeners, g.decoys) {
		l.Close()
	}
	if g.door != nil {
		g.shutDoor()
	}
	g.mu.Unlock()
	g.wg.Wait()
}
