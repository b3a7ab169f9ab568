package proxy

import (
	"context"
	"net"
	"net/netip"
	"testing"
)

// BenchmarkOpen opens a port on loopback that is open already, with a knock that
// takes no time: what is left is what Open itself costs, its end included.
func BenchmarkOpen(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	to := netip.MustParseAddrPort(listener.Addr().String())
	opener := &Opener{
		Knock:  func(context.Context, netip.Addr, Try) error { return nil },
		Knocks: 4,
	}
	for b.Loop() {
		conn, _, err := opener.Open(b.Context(), []netip.Addr{to.Addr()}, to.Port())
		if err != nil {
			b.Fatal(err)
		}
		conn.Close()
	}
}
