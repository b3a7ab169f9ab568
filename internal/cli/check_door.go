package cli

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"knockpipe/internal/check"
	"knockpipe/proxy"
)

const (
	restTime = 150 * time.Millisecond // for a slow door to open, before the next try
	shutTime = time.Minute            // for the door to shut again
)

// door looks at the port, opens it, and looks behind it.
func (c *checkup) door() {
	c.before()
	if c.Failed && len(c.knocks) == 0 || c.spends() {
		return
	}
	conn := c.open()
	if conn == nil {
		return
	}
	c.server(conn)
	c.others(remote(conn))
	if c.wait {
		c.shuts(remote(conn))
	}
}

// A look is what a port answered.
type look struct {
	proxy.State
	why string // in words
}

// look looks at the port of addresses, all at once.
func (c *checkup) look(addrs []netip.Addr) []look {
	looks := make([]look, len(addrs))
	opener := proxy.Opener{Sources: c.sources}
	var wg sync.WaitGroup
	for i, addr := range addrs {
		wg.Go(func() { looks[i].State, looks[i].why = opener.Probe(context.Background(), addr, c.port) })
	}
	wg.Wait()
	return looks
}

// before says what the port is like without a knock.
func (c *checkup) before() {
	for i, look := range c.look(c.addrs) {
		addr := c.addrs[i]
		switch {
		case len(c.knocks) == 0 && look.State == proxy.Open:
			c.Find(check.OK, "", "%v port %d is open, without a knock", addr, c.port)
		case look.State == proxy.Open:
			c.Find(check.Warn, "guard this address too, or wait until an earlier knock is over", "%v port %d is open before the knock", addr, c.port)
		case len(c.knocks) == 0:
			c.Find(check.Fail, "", "%v port %d is %s, and no knock is known", addr, c.port, look.why)
		case look.State == proxy.Unreachable:
			c.Find(check.Warn, unreachableHint, "%v port %d is %s", addr, c.port, look.why)
		default:
			c.Find(check.OK, "", "%v port %d is shut: %s", addr, c.port, look.why)
		}
	}
}

// spends says so if to knock would use up a sequence of a list, which is done for
// those alone who name the list once more on the command line.
func (c *checkup) spends() bool {
	if c.once == nil || len(c.question.knocks) > 0 {
		return false
	}
	switch left := c.once.left; {
	case left == 0:
		c.Find(check.Warn, "", "once:%s: in use by another process", c.once.path)
	case left <= fewLeft:
		c.Find(check.Warn, newListHint, "once:%s: %s left", c.once.path, plural(left, "sequence"))
	default:
		c.Find(check.OK, "", "once:%s: %s left", c.once.path, plural(left, "sequence"))
	}
	c.Find(check.Warn, fmt.Sprintf("to knock all the same: knockpipe -check %s %d once:%s", c.alias, c.port, c.once.path),
		"not knocked, as that would use up a sequence of the list")
	return true
}

// open knocks until the port is open, and says how long that took. Unlike a session
// it waits for each try, so that it knows which of them opened the door.
func (c *checkup) open() net.Conn {
	ctx, cancel := c.bounded()
	defer cancel()
	opener, shared := c.opener()
	if len(c.knocks) > 0 && !c.knocks.Slow() {
		opener.Pace = func(to netip.Addr) proxy.Pace {
			return proxy.Pace{Gap: c.settings.KnockDelay, Rest: restTime}
		}
		shared.memory = nil // nothing is to be learnt from this pace
	}
	start := time.Now()
	conn, opening, err := c.opened(ctx, opener, shared)
	if err != nil {
		f := openFailure(c.plan, err)
		c.Find(check.Fail, f.hint, "%v", f)
		return nil
	}
	if len(c.knocks) == 0 {
		return conn
	}
	c.Find(check.OK, "", "%v port %d opened %v after the start, at try %d", remote(conn), c.port, time.Since(start).Round(time.Millisecond), max(opening.Tries, 1))
	if gap := opening.Gap.Round(time.Millisecond); gap > c.settings.KnockDelay && opener.Pace(remote(conn)).Gap == c.settings.KnockDelay {
		c.Find(check.Warn, fmt.Sprintf("if that is so each time, set KnockDelay %d", gap.Milliseconds()),
			"the door opened only with %v between the knocks, so they seem to arrive in the wrong order without", gap)
	}
	return conn
}

// others knocks at the addresses that were not needed, and says whether they open.
func (c *checkup) others(used netip.Addr) {
	others := slices.DeleteFunc(slices.Clone(c.addrs), func(addr netip.Addr) bool { return addr == used })
	if len(c.knocks) == 0 || c.knocks.Slow() || len(others) == 0 {
		return
	}
	ctx, cancel := c.bounded()
	defer cancel()
	for _, addr := range others {
		if err := c.knock(ctx, addr, proxy.Try{Gap: max(knockOnlyGap, c.settings.KnockDelay)}); err != nil {
			c.Find(check.Warn, "", "%v: %v", addr, err)
		}
	}
	for i, look := range c.look(others) {
		if look.State != proxy.Open {
			c.Find(check.Warn, "if it is not guarded alike, set AddressFamily", "%v port %d stays %s after the knock", others[i], c.port, look.why)
			continue
		}
		c.Find(check.OK, "", "%v port %d opens as well", others[i], c.port)
	}
}

// shuts waits until the door is shut again.
func (c *checkup) shuts(addr netip.Addr) {
	start := time.Now()
	for time.Since(start) < shutTime {
		if c.look([]netip.Addr{addr})[0].State != proxy.Open {
			c.Find(check.OK, "", "the door is shut again after %v", time.Since(start).Round(time.Second))
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	c.Find(check.Warn, "does the server forget who has knocked?", "the door is still open after %v", shutTime)
}
