//go:build linux

package lab

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// A Packet is one that can be a knock: TCP, UDP or an ICMP echo request.
type Packet struct {
	Time     time.Time
	Out      bool           // sent by the host that recorded it
	Proto    string         // "tcp", "udp" or "icmp", for both families
	Src, Dst netip.AddrPort // with port 0 for icmp

	SYN, ACK, FIN, RST bool
	Payload            int // bytes after the last header
}

// String returns the packet in one line, such as "out tcp 198.51.100.1:40000 >
// 198.51.100.2:22 SYN 0".
func (p Packet) String() string {
	way := "in"
	if p.Out {
		way = "out"
	}
	s := fmt.Sprintf("%s %s %v > %v", way, p.Proto, p.Src, p.Dst)
	for _, flag := range []struct {
		name string
		set  bool
	}{{"SYN", p.SYN}, {"ACK", p.ACK}, {"FIN", p.FIN}, {"RST", p.RST}} {
		if flag.set {
			s += " " + flag.name
		}
	}
	return fmt.Sprintf("%s %d", s, p.Payload)
}

// parsePacket reads an IP packet, which may be truncated. It reports whether a Packet can
// represent it.
func parsePacket(b []byte) (Packet, bool) {
	p, proto, b := parseIP(b)
	header := 8 // of udp and icmp
	switch {
	case proto == unix.IPPROTO_TCP && len(b) >= 20:
		p.Proto = "tcp"
		header = int(b[12]>>4) * 4
		flags := b[13]
		p.FIN, p.SYN, p.RST, p.ACK = flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&16 != 0
	case proto == unix.IPPROTO_UDP && len(b) >= 8:
		p.Proto = "udp"
	case proto == unix.IPPROTO_ICMP && len(b) >= 8 && b[0] == 8,
		proto == unix.IPPROTO_ICMPV6 && len(b) >= 8 && b[0] == 128:
		p.Proto = "icmp"
	default:
		return p, false
	}
	if p.Proto != "icmp" {
		p.Src = netip.AddrPortFrom(p.Src.Addr(), binary.BigEndian.Uint16(b))
		p.Dst = netip.AddrPortFrom(p.Dst.Addr(), binary.BigEndian.Uint16(b[2:]))
	}
	p.Payload -= header
	return p, true
}

// parseIP reads an IPv4 or IPv6 header without extensions into a packet without ports,
// whose payload is all that follows. It returns the available part of the payload, and
// the protocol.
func parseIP(b []byte) (p Packet, proto byte, rest []byte) {
	var src, dst netip.Addr
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		header := int(b[0]&15) * 4
		src, dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		p.Payload = int(binary.BigEndian.Uint16(b[2:])) - header
		proto, rest = b[9], b[min(header, len(b)):]
	case len(b) >= 40 && b[0]>>4 == 6:
		src, dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		p.Payload = int(binary.BigEndian.Uint16(b[4:]))
		proto, rest = b[6], b[40:]
	}
	p.Src, p.Dst = netip.AddrPortFrom(src, 0), netip.AddrPortFrom(dst, 0)
	return p, proto, rest
}
