package cli

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"knockpipe/knock"
	"knockpipe/knock/fwknop"
	"knockpipe/proxy"
)

// knockOnlyGap is the pause between two knocks where nothing tells whether they
// arrived in order.
const knockOnlyGap = 20 * time.Millisecond

// A target is a plan with every name resolved, once.
type target struct {
	*plan
	report *reporter

	addrs   []netip.Addr  // of the host
	doors   []netip.Addr  // of KnockHost; empty if the host itself is knocked at
	sources proxy.Sources // to knock and connect from
}

// resolve looks up the host, and what the config adds to it.
func (p *plan) resolve(ctx context.Context, report *reporter) (*target, error) {
	t := &target{plan: p, report: report}
	var err error
	if t.addrs, err = proxy.Resolve(ctx, p.host, p.family); err != nil {
		f := networkFailure(p.host, err)
		if p.knocks.Has(knock.FWKNOP) {
			f.hint = fwknop.ErrIPv4.Error() + ", so the host needs an IPv4 address"
		}
		if name := p.settings.HostName; p.alias == "" && name != "" && name != p.host {
			f.hint = fmt.Sprintf("%s has HostName %s in the config: pass -n %%n -- %%h %%p", p.host, name)
		}
		return nil, f
	}
	report.logf("%s is %v", p.host, t.addrs)
	if t.sources, err = p.sources(ctx); err != nil {
		return nil, &failure{code: exitNetwork, err: err}
	}
	if t.addrs, err = t.sources.Reach(t.addrs); err != nil {
		return nil, networkFailure(p.host, err)
	}
	if host := p.settings.KnockHost; host != "" && len(p.knocks) > 0 {
		if t.doors, err = proxy.Resolve(ctx, host, p.family); err != nil {
			return nil, networkFailure("KnockHost "+host, err)
		}
		report.logf("KnockHost %s is %v", host, t.doors)
	}
	return t, nil
}

// sources are the local addresses that the user or the config asks for.
func (p *plan) sources(ctx context.Context) (proxy.Sources, error) {
	switch name, link := p.settings.BindAddress, p.settings.BindInterface; {
	case p.source.IsValid():
		return proxy.Sources{p.source}, nil
	case name != "":
		addrs, err := proxy.Resolve(ctx, name, p.family)
		if err != nil {
			return nil, fmt.Errorf("BindAddress %s: %w", name, err)
		}
		return addrs, nil
	case link != "":
		return proxy.InterfaceSources(link)
	}
	return nil, nil
}

// opener is how to make the connection, and what is shared with others for that.
func (t *target) opener() (proxy.Opener, doors) {
	opener := proxy.Opener{Sources: t.sources, Logf: t.report.logf}
	var shared doors
	if len(t.knocks) > 0 {
		shared = t.share()
		opener.Knock, opener.Knocks = t.knock, t.knocks.Knocks()
		opener.Tries, opener.Connects = t.settings.KnockTries, t.settings.KnockConnects
		opener.Pace, opener.Turn = shared.pace, shared.turn
	}
	return opener, shared
}

// open makes the connection.
func (t *target) open(ctx context.Context) (net.Conn, error) {
	opener, shared := t.opener()
	conn, _, err := t.opened(ctx, opener, shared)
	return conn, err
}

// opened makes the connection, remembers how, and says so.
func (t *target) opened(ctx context.Context, opener proxy.Opener, shared doors) (net.Conn, proxy.Opening, error) {
	conn, opening, err := opener.Open(ctx, t.addrs, t.port)
	if err == nil && len(t.knocks) > 0 {
		shared.learn(opening)
		if t.once != nil {
			t.once.strike(opening, t.report)
		}
	}
	return conn, opening, err
}

// door is where to knock for an address of the host; the zero Addr is nowhere.
func (t *target) door(to netip.Addr) netip.Addr {
	if len(t.doors) == 0 {
		return to
	}
	for _, door := range t.doors {
		if door.Is4() == to.Is4() {
			return door
		}
	}
	return netip.Addr{}
}

// knock sends the sequence once to the door of an address.
func (t *target) knock(ctx context.Context, to netip.Addr, try proxy.Try) error {
	door := t.door(to)
	if !door.IsValid() {
		return fmt.Errorf("KnockHost %s has no address of this family", t.settings.KnockHost)
	}
	sender := knock.Sender{To: door, Source: t.sources.For(to), Gap: try.Gap, Restart: try.Restart, Wait: t.question.knockOnly,
		Exec: t.exec, Port: t.port, Stanzas: t.stanzas, Logf: t.report.logf2}
	if t.once != nil {
		return t.once.knock(ctx, to, func(seq knock.Sequence) error { return sender.Send(ctx, seq) })
	}
	return sender.Send(ctx, t.knocks)
}

// knockOnly knocks once at every address that can be reached, as nothing tells
// which of them is going to be connected to.
func (t *target) knockOnly(ctx context.Context) error {
	var failed error
	sent := false
	for _, addr := range t.addrs {
		if err := t.knock(ctx, addr, proxy.Try{Gap: max(knockOnlyGap, t.settings.KnockDelay)}); err != nil {
			failed = fmt.Errorf("%v: %w", addr, err)
			t.report.logf("%v", failed)
			continue
		}
		t.report.logf("%s sent to %v", plural(t.knocks.Knocks(), "knock"), t.door(addr))
		sent = true
	}
	if sent {
		return nil
	}
	return &failure{code: exitNetwork, err: failed}
}
