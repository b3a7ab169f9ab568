// Package ip defines the IP versions that all packages share.
package ip

import "net/netip"

// A Family restricts addresses to one version of IP. The zero value does not restrict
// them.
type Family uint8

// The families.
const (
	Any Family = iota
	V4
	V6
)

// FamilyOf returns the family of an address.
func FamilyOf(addr netip.Addr) Family {
	if addr.Is4() {
		return V4
	}
	return V6
}

// String returns the family's name in a sentence.
func (f Family) String() string { return [...]string{Any: "IP", V4: "IPv4", V6: "IPv6"}[f] }

// Network returns the family's name in package net.
func (f Family) Network() string { return [...]string{Any: "ip", V4: "ip4", V6: "ip6"}[f] }

// Has reports whether an address is of the family.
func (f Family) Has(addr netip.Addr) bool { return f == Any || f == FamilyOf(addr) }
