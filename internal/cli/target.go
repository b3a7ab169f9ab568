package cli

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"knockpipe/internal/ip"
	"knockpipe/knock"
	"knockpipe/proxy"
)

// A target holds the addresses of a plan's names, resolved once.
type target struct {
	addrs   []netip.Addr  // of the host
	gates   []netip.Addr  // of KnockHost; empty if the host itself is knocked at
	sources proxy.Sources // to knock and connect from
}

// resolve looks up the host, and the other names in the config.
func (p *plan) resolve(ctx context.Context, source netip.Addr, report *reporter) (*target, error) {
	t := new(target)
	var err error
	if t.addrs, err = proxy.Resolve(ctx, p.host, p.family); err != nil {
		return nil, p.noAddress(err)
	}
	report.logf("%s is %v", p.host, t.addrs)
	if t.sources, err = p.sources(ctx, source); err != nil {
		return nil, &failure{code: exitNetwork, err: err}
	}
	if t.addrs, err = t.sources.Reach(t.addrs); err != nil {
		return nil, networkFailure(p.host, err)
	}
	if host := p.settings.KnockHost; host != "" && len(p.knocks)+len(p.closing) > 0 {
		if t.gates, err = proxy.Resolve(ctx, host, p.family); err != nil {
			return nil, networkFailure("KnockHost "+host, err)
		}
		report.logf("KnockHost %s is %v", host, t.gates)
	}
	return t, nil
}

// noAddress says why the host has no address.
func (p *plan) noAddress(err error) error {
	f := networkFailure(p.host, err)
	if p.family != ip.Any {
		f.hint = p.otherFamily(nil)
	}
	for _, step := range p.knocks {
		if only := step.Facts().Family; only != ip.Any {
			f.hint = fmt.Sprintf("%s supports only %v, so the host needs an %[2]v address", step.Kind(), only)
		}
	}
	if name := p.settings.HostName; !p.named && name != "" && name != p.host {
		f.hint = fmt.Sprintf("it is an alias in the config (%v): pass its HostName, %s", p.settings.Origin("HostName"), name)
	}
	return f
}

// lookTime bounds a lookup that only improves a message.
const lookTime = 300 * time.Millisecond

// otherFamily says whether the host has an address of the other family, if only one was
// tried. It does not mention missing IPv6 unless IPv4 was requested.
func (p *plan) otherFamily(tried []netip.Addr) string {
	only := p.family
	for i, addr := range tried {
		family := ip.FamilyOf(addr)
		if i > 0 && family != only {
			return ""
		}
		only = family
	}
	_, err := netip.ParseAddr(p.host)
	needed := func(step knock.Step) bool { return step.Facts().Family != ip.Any }
	if err == nil || only == ip.Any || only == ip.V4 && p.family == ip.Any || slices.ContainsFunc(p.knocks, needed) {
		return ""
	}
	other := ip.V4
	if only == ip.V4 {
		other = ip.V6
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	if addrs, _ := proxy.Resolve(ctx, p.host, other); len(addrs) > 0 {
		return fmt.Sprintf("only %v was tried, but the host also has an %v address", only, other)
	}
	return fmt.Sprintf("only %v was tried, and no %v address was found for the host", only, other)
}

// sources are the local addresses that the user or the config asks for.
func (p *plan) sources(ctx context.Context, source netip.Addr) (proxy.Sources, error) {
	switch name, link := p.settings.BindAddress, p.settings.BindInterface; {
	case source.IsValid():
		return proxy.Sources{source}, nil
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

// gate returns where to knock for an address of the host, or the zero Addr if there is no
// such address.
func (t *target) gate(to netip.Addr) netip.Addr {
	if len(t.gates) == 0 {
		return to
	}
	for _, gate := range t.gates {
		if ip.FamilyOf(gate) == ip.FamilyOf(to) {
			return gate
		}
	}
	return netip.Addr{}
}
