package proxy

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// Sources are local addresses, at most one of a family. A door knows its client by the
// address, so the knock and the connection must come from the same one. Without any, the
// system chooses.
type Sources []netip.Addr

// For returns the source for packets to an address; the zero Addr lets the
// system choose.
func (s Sources) For(to netip.Addr) netip.Addr {
	for _, from := range s {
		if from.Is4() == to.Is4() {
			return from
		}
	}
	return netip.Addr{}
}

// Reach returns those of addrs that have a source of the same family. It is an error if
// there are none.
func (s Sources) Reach(addrs []netip.Addr) ([]netip.Addr, error) {
	if len(s) == 0 {
		return addrs, nil
	}
	reached := slices.DeleteFunc(slices.Clone(addrs), func(to netip.Addr) bool { return !s.For(to).IsValid() })
	if len(reached) == 0 {
		return nil, fmt.Errorf("no address of the same family as the local address %v", s[0])
	}
	return reached, nil
}

// InterfaceSources returns the addresses of a network interface: the first of
// each family, link-local ones last, as ssh takes them for BindInterface.
func InterfaceSources(name string) (Sources, error) {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", name, cause(err))
	}
	nets, err := link.Addrs()
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", name, cause(err))
	}
	var v4, v6, local netip.Addr
	for _, n := range nets {
		prefix, err := netip.ParsePrefix(n.String())
		if err != nil {
			continue
		}
		switch addr := prefix.Addr().Unmap(); {
		case addr.Is4() && !v4.IsValid():
			v4 = addr
		case addr.Is6() && addr.IsLinkLocalUnicast() && !local.IsValid():
			local = addr.WithZone(name)
		case addr.Is6() && !addr.IsLinkLocalUnicast() && !v6.IsValid():
			v6 = addr
		}
	}
	if !v6.IsValid() {
		v6 = local
	}
	s := slices.DeleteFunc(Sources{v4, v6}, func(a netip.Addr) bool { return !a.IsValid() })
	if len(s) == 0 {
		return nil, fmt.Errorf("interface %s has no address", name)
	}
	return s, nil
}
