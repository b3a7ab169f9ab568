//go:build !linux

package proxy

import "net/netip"

// A witness knows nothing: only Linux tells who sent an ICMP error.
type witness struct{}

func (witness) close(err error, _ netip.Addr) error { return err }
