//go:build linux

package lab

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// knock connects without waiting and closes at once.
func knock(t *testing.T, h *Host, to netip.AddrPort) {
	t.Helper()
	var err error
	h.Do(func() {
		domain, sa := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().Unmap().As4()})
		var fd int
		if fd, err = unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return
		}
		if err = unix.Connect(fd, sa); err == unix.EINPROGRESS {
			err = nil
		}
		unix.Close(fd)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSniff(t *testing.T) {
	links := map[string][]Link{"cable": nil, "TUN": {{Delay: 5 * time.Millisecond}}}
	for name, link := range links {
		t.Run(name, func(t *testing.T) {
			l := New(t, link...)
			l.Server.Nft(t, "table inet t { chain c { type filter hook input priority 0; tcp dport 7000 drop; }; }")
			at := netip.AddrPortFrom(l.Server.IP4, 7000)
			out, in := l.Client.Sniff(t), l.Server.Sniff(t)
			start := time.Now()
			knock(t, l.Client, at)
			p := in.Await(func(p Packet) bool { return p.Dst == at })
			if p.Time.Before(start) || p.Time.After(time.Now()) {
				t.Errorf("got a packet at %v, want one after %v and before now", p.Time, start)
			}
			for name, s := range map[string]*Sniffer{"out": out, "in": in} {
				packets := slices.DeleteFunc(s.Packets(), func(p Packet) bool { return p.Proto != "tcp" })
				if len(packets) != 1 || packets[0].Out != (name == "out") || packets[0].Dst != at ||
					packets[0].Src.Addr() != l.Client.IP4 || !packets[0].SYN || packets[0].ACK || packets[0].Payload != 0 {
					t.Errorf("%s: got %v, want one SYN to %v", name, packets, at)
				}
			}
		})
	}
}

func TestParsePacket(t *testing.T) {
	ip4 := func(proto byte, length int, rest ...byte) []byte {
		return append([]byte{0x45, 0, byte(length >> 8), byte(length), 0, 0, 0, 0, 64, proto, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2}, rest...)
	}
	ip6 := func(next byte, length int, rest ...byte) []byte {
		b := append([]byte{0x60, 0, 0, 0, byte(length >> 8), byte(length), next, 64}, make([]byte, 32)...)
		b[23], b[39] = 1, 2
		return append(b, rest...)
	}
	tcp := func(flags byte) []byte {
		return []byte{0x80, 0, 0, 22, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0}
	}
	udp := []byte{0x80, 0, 0, 22, 0, 8, 0, 0}
	tests := []struct {
		name string
		data []byte
		want string // "" for no Packet
	}{
		{"empty", nil, ""},
		{"arp", make([]byte, 28), ""},
		{"short IPv4", ip4(6, 40)[:19], ""},
		{"short IPv6", ip6(6, 20)[:39], ""},
		{"options that are not there", append([]byte{0x4f}, ip4(6, 60, tcp(2)...)[1:30]...), ""},
		{"short tcp", ip4(6, 40, tcp(2)[:19]...), ""},
		{"echo reply", ip4(1, 28, make([]byte, 8)...), ""},
		{"igmp", ip4(2, 28, make([]byte, 8)...), ""},

		{"SYN", ip4(6, 40, tcp(2)...), "in tcp 192.0.2.1:32768 > 192.0.2.2:22 SYN 0"},
		{"all flags, and data that is not there", ip4(6, 1500, tcp(0x17)...), "in tcp 192.0.2.1:32768 > 192.0.2.2:22 SYN ACK FIN RST 1460"},
		{"udp", ip6(17, 9, append(udp, 0)...), "in udp [::1]:32768 > [::2]:22 1"},
		{"echo", ip4(1, 95, 8, 0, 0, 0, 0, 0, 0, 0), "in icmp 192.0.2.1:0 > 192.0.2.2:0 67"},
		{"echo6", ip6(58, 8, 128, 0, 0, 0, 0, 0, 0, 0), "in icmp [::1]:0 > [::2]:0 0"},
	}
	for _, tt := range tests {
		got := ""
		if p, ok := parsePacket(tt.data); ok {
			got = p.String()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
