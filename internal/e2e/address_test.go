//go:build linux

package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestAddresses reaches the server by each way to name it. Each time, the address that is
// knocked is the one that is connected to.
func TestAddresses(t *testing.T) {
	t.Parallel()
	const deaf6 = `table ip6 deaf { chain input { type filter hook input priority -20; tcp dport { 22, 12345, 23456, 34567, 45678 } drop; }; }`
	hosts := func(lines ...string) func(*testing.T, *lab.Lab) {
		return func(t *testing.T, l *lab.Lab) {
			l.Client.WriteFile(t, "/etc/hosts", strings.Join(lines, "\n")+"\n")
		}
	}
	tests := []struct {
		name string
		line string
		prep func(t *testing.T, l *lab.Lab)
		from string // the address that the connection comes from
	}{
		{"IPv4", "198.51.100.2", nil, "198.51.100.1"},
		{"IPv6", "2001:db8::2", nil, "2001:db8::1"},
		{"IPv4 in IPv6", "::ffff:198.51.100.2", nil, "198.51.100.1"},
		{"name", "tango", hosts("2001:db8::2 tango", "198.51.100.2 tango"), "2001:db8::1"},
		{"name, -4", "-4 tango", hosts("2001:db8::2 tango", "198.51.100.2 tango"), "198.51.100.1"},
		{"name, -6", "-6 tango", hosts("198.51.100.2 tango", "2001:db8::2 tango"), "2001:db8::1"},
		{"IPv6 without a route", "tango", hosts("2001:db8:ffff::2 tango", "198.51.100.2 tango"), "198.51.100.1"},
		{"IPv6 that is silent", "tango", func(t *testing.T, l *lab.Lab) {
			hosts("2001:db8::2 tango", "198.51.100.2 tango")(t, l)
			l.Server.Nft(t, deaf6)
		}, "198.51.100.1"},
		{"source", "-s 198.51.100.9 198.51.100.2", addAddress("198.51.100.9/24"), "198.51.100.9"},
		{"source, IPv6", "-s 2001:db8::9 2001:db8::2", addAddress("2001:db8::9/64"), "2001:db8::9"},
		{"source picks the family", "-s 198.51.100.9 tango", func(t *testing.T, l *lab.Lab) {
			hosts("2001:db8::2 tango", "198.51.100.2 tango")(t, l)
			addAddress("198.51.100.9/24")(t, l)
		}, "198.51.100.9"},
		// Only getaddrinfo(3) knows this old spelling, so getent has to be asked.
		{"getent", "198.51.25602", func(t *testing.T, l *lab.Lab) {
			lab.Need(t, "getent")
			l.Client.WriteFile(t, "/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
		}, "198.51.100.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			l.Server.NftFile(t, "examples/nftables.conf")
			l.Server.Banner(t, 22)
			if tt.prep != nil {
				tt.prep(t, l)
			}
			connect(t, l, tt.line, netip.MustParseAddr(tt.from))
		})
	}
}

func TestZone(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Server.NftFile(t, "examples/nftables.conf")
	l.Server.Banner(t, 22)
	link := func(h *lab.Host) (addr netip.Addr) {
		h.Do(func() {
			ifi, err := net.InterfaceByName("eth0")
			if err != nil {
				t.Error(err)
				return
			}
			addrs, _ := ifi.Addrs()
			for _, a := range addrs {
				if ip := a.(*net.IPNet).IP; ip.IsLinkLocalUnicast() {
					addr, _ = netip.AddrFromSlice(ip)
				}
			}
		})
		return addr
	}
	connect(t, l, fmt.Sprintf("%v%%eth0", link(l.Server)), link(l.Client))
}

// connect runs knockpipe with a whole sequence and checks on the server's wire
// that the knocks and the connection all came from one address.
func connect(t *testing.T, l *lab.Lab, line string, from netip.Addr) {
	t.Helper()
	wire := l.Server.Sniff(t)
	cmd := knockpipe(t, l, line+" 22 "+sequence)
	out, err := cmd.CombinedOutput()
	if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
		t.Fatalf("got %q, %v, want %q", out, err, want)
	}
	if got := l.Server.Handshakes(t); got != 1 {
		t.Errorf("the server's kernel completed %d handshakes, want 1", got)
	}
	knocked := false
	for _, p := range wire.Packets() {
		switch {
		case p.Out || p.Proto != "tcp":
		case p.Dst.Port() == 22 && p.Payload == 0 && p.ACK && !p.SYN && !p.RST && p.Src.Addr() != from:
			t.Errorf("connected from %v, want %v", p.Src.Addr(), from)
		case p.Dst.Port() != 22 && p.Src.Addr() == from:
			knocked = true
		}
	}
	if !knocked {
		t.Errorf("no knock came from %v", from)
	}
}

func addAddress(addr string) func(*testing.T, *lab.Lab) {
	return func(t *testing.T, l *lab.Lab) {
		args := []string{"addr", "add", addr, "dev", "eth0"}
		if strings.Contains(addr, ":") {
			args = append(args, "nodad")
		}
		if out, err := l.Client.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip: %v: %s", err, out)
		}
	}
}

// TestWithoutKnock connects as nc does: to each address once and in order, and a
// refusal is final.
func TestWithoutKnock(t *testing.T) {
	t.Parallel()
	const refuse = `table %s shut { chain input { type filter hook input priority 0; tcp dport 22 reject with tcp reset; }; }`
	for _, tt := range []struct {
		shut []string // the families that refuse
		want string
		syns string
	}{
		{[]string{"ip", "ip6"}, "knockpipe: tango port 22: connection refused\n", "2001:db8::2 198.51.100.2"},
		{[]string{"ip6"}, "SSH-2.0-bench\r\n", "2001:db8::2 198.51.100.2"},
		{nil, "SSH-2.0-bench\r\n", "2001:db8::2"},
	} {
		l := lab.New(t, lab.Link{Delay: 100 * time.Millisecond})
		l.Server.Banner(t, 22)
		for _, family := range tt.shut {
			l.Server.Nft(t, fmt.Sprintf(refuse, family))
		}
		l.Client.WriteFile(t, "/etc/hosts", "2001:db8::2 tango\n198.51.100.2 tango\n")
		wire := l.Client.Sniff(t)
		out, _ := knockpipe(t, l, "-f none tango 22").CombinedOutput()
		if !strings.HasPrefix(string(out), tt.want) {
			t.Errorf("%v shut: got %q, want %q", tt.shut, out, tt.want)
		}
		var syns []string
		for _, p := range wire.Packets() {
			if p.Out && p.SYN {
				syns = append(syns, p.Dst.Addr().String())
			}
		}
		if got := strings.Join(syns, " "); got != tt.syns {
			t.Errorf("%v shut: connected to %v, want %v", tt.shut, got, tt.syns)
		}
	}
}
