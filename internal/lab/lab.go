//go:build linux

package lab

import (
	"os"
	"testing"
)

// A Lab is a network of two hosts, or of three with Behind.
type Lab struct {
	Client *Host // 198.51.100.1 and 2001:db8::1
	Server *Host // 198.51.100.2 and 2001:db8::2
}

// New makes a lab for the length of a test or benchmark. Without a link the two
// hosts are joined by a clean cable, on which a packet takes no time and is never
// lost.
//
// It skips the test with -short and if no lab can be made.
func New(t testing.TB, link ...Link) *Lab {
	t.Helper()
	if testing.Short() {
		t.Skip("skipping, -short leaves the lab out")
	}
	if os.Geteuid() != 0 {
		skip(t, "the lab needs root or a user namespace: %v", errUserNamespace)
	}
	Need(t, "ip")
	if len(link) > 1 {
		t.Fatalf("lab: got %d links, want one at most", len(link))
	}
	l := &Lab{Client: newHost(t, "client"), Server: newHost(t, "server")}
	a := port{l.Client, "eth0", prefix("198.51.100.1/24"), prefix("2001:db8::1/64")}
	b := port{l.Server, "eth0", prefix("198.51.100.2/24"), prefix("2001:db8::2/64")}
	l.Client.IP4, l.Client.IP6 = a.ip4.Addr(), a.ip6.Addr()
	l.Server.IP4, l.Server.IP6 = b.ip4.Addr(), b.ip6.Addr()
	l.Client.ends, l.Server.ends = []port{a, b}, []port{a, b}
	if len(link) == 0 {
		cable(t, a, b)
	} else {
		link[0].join(t, a, b)
	}
	return l
}

// Behind adds a third host, 203.0.113.2 and 2001:db8:113::2, to which only the
// server has a cable. The server does not forward packets: to the client it is a
// bastion.
func (l *Lab) Behind(t testing.TB) *Host {
	t.Helper()
	h := newHost(t, "behind")
	a := port{l.Server, "eth1", prefix("203.0.113.1/24"), prefix("2001:db8:113::1/64")}
	b := port{h, "eth0", prefix("203.0.113.2/24"), prefix("2001:db8:113::2/64")}
	h.IP4, h.IP6 = b.ip4.Addr(), b.ip6.Addr()
	h.ends = []port{a, b}
	cable(t, a, b)
	return h
}
