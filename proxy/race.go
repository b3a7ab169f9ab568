package proxy

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A race is one Open with a Knock: many connects, of which the first that
// completes is the session.
type race struct {
	*Opener
	port  uint16
	start time.Time

	claimed atomic.Bool
	won     chan win // takes the one connection that was claimed
}

// A win is the session and how it came about.
type win struct {
	conn    net.Conn
	opening Opening
}

// run tries the addresses, each from its head start on, until ctx ends or none
// of them can be reached.
func (r *race) run(ctx context.Context, addrs []netip.Addr) error {
	var attempts []*attempt
	var wg sync.WaitGroup
	for _, addr := range alternate(addrs) {
		if ctx.Err() != nil {
			break
		}
		a := newAttempt(r, addr)
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

// alternate puts an address of the other family after each of the first one's, so
// that a whole family that is dead costs one head start.
func alternate(addrs []netip.Addr) []netip.Addr {
	var first, other, all []netip.Addr
	for _, addr := range addrs {
		if addr.Is4() == addrs[0].Is4() {
			first = append(first, addr)
		} else {
			other = append(other, addr)
		}
	}
	for i := range addrs {
		if i < len(first) {
			all = append(all, first[i])
		}
		if i < len(other) {
			all = append(all, other[i])
		}
	}
	return all
}

// claim makes the connection the session if no other is yet, and else gets rid
// of it.
func (r *race) claim(w win) bool {
	if r.claimed.CompareAndSwap(false, true) {
		r.won <- w
		return true
	}
	reset(w.conn)
	return false
}
