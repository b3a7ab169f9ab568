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
	"knockpipe/knock"
	"knockpipe/proxy"
)

const (
	restTime = 150 * time.Millisecond // for a slow door to open, before the next try

	// lookEvery is how often a connect starts meanwhile: seldom enough that each try of the
	// first second has some, within the limit of that second. A try without would not be
	// known to have opened, but a later one.
	lookEvery = 40 * time.Millisecond

	shutTime = time.Minute // for the door to shut again

	closedTime = 2 * time.Second // for KnockClose to shut it

	lateTry = 3 // which is needed once in a hundred times where one packet in fifty is lost
)

// before reports the state of the port without a knock.
func (c *checkup) before(ctx context.Context) {
	knocks, port := len(c.plan.knocks) > 0, c.plan.port
	for i, look := range c.look(ctx, c.target.addrs) {
		addr := c.target.addrs[i]
		switch {
		case !knocks && look.state == proxy.Open:
			c.report.Find(check.OK, "", "%v port %d is open without a knock", addr, port)
		case look.state == proxy.Open:
			c.unguarded = append(c.unguarded, addr)
			c.report.Find(check.Warn, c.rehearsal(), "%v port %d is open before the knock, so this check cannot tell whether knocks arrive", addr, port)
		case !knocks:
			c.report.Find(check.Fail, "", "%v port %d is %s, and no knock is configured", addr, port, look.why)
		case look.state == proxy.Unreachable:
			c.report.Find(check.Warn, unreachableHint, "%v port %d is %s", addr, port, look.why)
		default:
			c.report.Find(check.OK, "", "%v port %d is shut: %s", addr, port, look.why)
		}
	}
}

// rehearsal says why no port may be shut, and how to see whether knocks arrive if none is
// yet. Port 9 is the discard service, so nothing usually listens there.
func (c *checkup) rehearsal() string {
	return fmt.Sprintf("is the guard loaded? A trial may be over, or a reboot may have removed it. If it is loaded, an earlier knock still keeps the port open "+
		"(wait, and check again), or -lan lets this address in. If there is no guard yet, rehearse: knockpipe -rules nftables %s 9 | ssh root@SERVER nft -f -; "+
		"knockpipe -k %[1]s 9; ssh root@SERVER nft list table inet knockpipe_9", c.plan.name)
}

// An answer is the result of a look at a port.
type answer struct {
	state proxy.State
	why   string // in words
}

// look looks at the port of all addresses at the same time.
func (c *checkup) look(ctx context.Context, addrs []netip.Addr) []answer {
	looks := make([]answer, len(addrs))
	opener := proxy.Opener{Sources: c.target.sources}
	var wg sync.WaitGroup
	for i, addr := range addrs {
		wg.Go(func() { looks[i].state, looks[i].why = opener.Probe(ctx, addr, c.plan.port) })
	}
	wg.Wait()
	return looks
}

// open knocks until the port is open, and reports how long that took. Unlike a session,
// it waits for the result of each try, so that it knows which one opened the door.
func (c *checkup) open(ctx context.Context) *net.TCPConn {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	p := c.plan
	opener := c.door.opener()
	if opener.Turn != nil {
		opener.Turn = c.door.turn // it knocks, even if another process has just got in
	}
	ownPace := len(p.knocks) > 0 && p.knocks.Ordered()
	if ownPace {
		opener.Pace = func(netip.Addr) proxy.Pace {
			return proxy.Pace{Gap: p.settings.KnockDelay, Rest: restTime, Every: lookEvery, Few: len(p.closing) > 0}
		}
		c.door.memory = nil // nothing is to be learnt from this pace
	}
	start := time.Now()
	conn, opening, err := c.door.open(ctx, opener)
	if gone(ctx) != nil {
		drop(conn)
		return nil
	}
	if err != nil {
		err = p.openFailure(err, c.target.addrs)
		c.report.Find(check.Fail, hintOf(err), "%v", err)
		return nil
	}
	if len(p.knocks) == 0 {
		return conn
	}
	if slices.Contains(c.unguarded, remote(conn)) {
		c.report.Find(check.OK, "", "%v port %d accepts the connection", remote(conn), p.port)
		return conn
	}
	c.report.Find(check.OK, "", "%v port %d opened %v after the start, at try %d", remote(conn), p.port, time.Since(start).Round(time.Millisecond), max(opening.Tries, 1))
	c.late(opening, ownPace)
	return conn
}

// late says what to do about a door that did not open to the first tries, each of which
// had the time to open it, unless it is one of tokens.
func (c *checkup) late(opening proxy.Opening, ownPace bool) {
	delay, gap := c.plan.settings.KnockDelay, opening.Gap.Round(time.Millisecond)
	switch {
	case c.plan.knocks.Single() && opening.Tries > knock.LastAlone:
		c.report.Find(check.Warn, "if this happens every time: does a firewall on the way drop the key's first carrier, do the clocks differ by more than two minutes, or is this key used elsewhere too?",
			"the door opened only at try %d: the first token did not open it", opening.Tries)
	case !ownPace:
	case gap > delay:
		c.report.Find(check.Warn, fmt.Sprintf("if this happens every time, set KnockDelay %d", gap.Milliseconds()),
			"the door opened only with %v between the knocks: without a delay they seem to arrive out of order", gap)
	case opening.Tries >= lateTry:
		c.report.Find(check.Warn, fmt.Sprintf("if this happens every time, set KnockDelay %d", max(2*delay, knockOnlyGap).Milliseconds()),
			"the door opened only at try %d: knocks were lost, or came out of order", opening.Tries)
	}
}

// others knocks at the remaining addresses and reports whether they open.
func (c *checkup) others(ctx context.Context, used netip.Addr) {
	others := slices.DeleteFunc(slices.Clone(c.target.addrs), func(addr netip.Addr) bool { return addr == used || slices.Contains(c.unguarded, addr) })
	if len(c.plan.knocks) == 0 || !c.plan.knocks.Ordered() || len(others) == 0 {
		return
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	for _, addr := range others {
		sender, err := c.door.knockOnce(ctx, addr)
		if err != nil {
			c.report.Find(check.Warn, "", "%v: %v", addr, err)
			continue
		}
		defer sender.Wait() // the report goes on meanwhile
	}
	for i, look := range c.look(ctx, others) {
		if look.state != proxy.Open {
			c.report.Find(check.Warn, "if it is not guarded in the same way, set AddressFamily", "%v port %d stays %s after the knock", others[i], c.plan.port, look.why)
			continue
		}
		c.report.Find(check.OK, "", "%v port %d opens too", others[i], c.plan.port)
	}
}

// shuts waits until the door is shut again.
func (c *checkup) shuts(ctx context.Context, addr netip.Addr, limit time.Duration) {
	start := time.Now()
	for time.Since(start) < limit {
		state := c.look(ctx, []netip.Addr{addr})[0].state
		if ctx.Err() != nil {
			return
		}
		if state != proxy.Open {
			c.report.Find(check.OK, "", "the door is shut again after %v", time.Since(start).Round(time.Second))
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
	hint := "does the server ever let a knock expire?"
	if len(c.plan.closing) > 0 {
		hint = "is KnockClose right and in order, and does no other session hold the door open?"
	}
	c.report.Find(check.Warn, hint, "the door is still open after %v", limit)
}
