//go:build linux

package lab

import (
	"encoding/binary"
	"iter"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Probe is the first packet of a TCP connection, or a datagram with a zero byte, for
// a port. Its source need not be an address of the host that sends it.
type Probe struct {
	Proto    string // "tcp" or "udp"
	Src, Dst netip.AddrPort

	Flags    byte // of the TCP header, besides SYN
	Fragment bool // over IPv4: only the first fragment, which has the whole segment
}

// Flags of a TCP header.
const (
	FIN = 1
	RST = 4
)

// Flood sends probes at this rate per second, as port scanners do: without sockets of
// their own and without waiting for answers. All have the family of the first. It returns
// how long that took, which is longer if the machine cannot send that much.
func (h *Host) Flood(t testing.TB, perSecond int, probes iter.Seq[Probe]) time.Duration {
	t.Helper()
	var err error
	start := time.Now()
	h.Do(func() { err = flood(start, perSecond, probes) })
	if err != nil {
		t.Fatalf("lab: flood from %s: %v", h.Name, err)
	}
	return time.Since(start)
}

func flood(start time.Time, perSecond int, probes iter.Seq[Probe]) error {
	fd, sent := -1, 0
	defer func() { unix.Close(fd) }()
	for p := range probes {
		var to unix.Sockaddr
		if p.Dst.Addr().Is4() {
			to = &unix.SockaddrInet4{Addr: p.Dst.Addr().As4()}
		} else {
			to = &unix.SockaddrInet6{Addr: p.Dst.Addr().As16()}
		}
		if fd < 0 {
			family := unix.AF_INET
			if p.Dst.Addr().Is6() {
				family = unix.AF_INET6
			}
			var err error
			// Of this protocol, what is sent begins with the IP header.
			if fd, err = unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW); err != nil {
				return err
			}
		}
		for due := int(time.Since(start).Seconds() * float64(perSecond)); sent > due; {
			time.Sleep(time.Millisecond) // late probes are made up for
			due = int(time.Since(start).Seconds() * float64(perSecond))
		}
		if err := unix.Sendto(fd, p.packet(), 0, to); err != nil && err != unix.ENOBUFS && err != unix.EPERM {
			return err
		}
		sent++
	}
	return nil
}

// packet is the probe with its IP header.
func (p Probe) packet() []byte {
	src, dst := p.Src.Addr().AsSlice(), p.Dst.Addr().AsSlice()
	segment := p.segment()
	proto := byte(unix.IPPROTO_TCP)
	sumAt := 16
	if p.Proto == "udp" {
		proto, sumAt = unix.IPPROTO_UDP, 6
	}
	// The checksum goes over the addresses, the length and the protocol, too.
	sum := sum16(0, src)
	sum = sum16(sum, dst)
	sum += uint32(len(segment)) + uint32(proto)
	binary.BigEndian.PutUint16(segment[sumAt:], ^fold(sum16(sum, segment)))
	if p.Dst.Addr().Is4() {
		header := make([]byte, 20, 40+len(segment))
		header[0], header[8], header[9] = 0x45, 64, proto // the kernel fills in the rest
		if p.Fragment {
			header[6] = 1 << 5                                          // more fragments
			segment = append(segment, make([]byte, -len(segment)&7)...) // a multiple of eight bytes
		}
		binary.BigEndian.PutUint16(header[2:], uint16(20+len(segment)))
		copy(header[12:], src)
		copy(header[16:], dst)
		return append(header, segment...)
	}
	header := make([]byte, 40, 40+len(segment))
	header[0], header[6], header[7] = 0x60, proto, 64
	binary.BigEndian.PutUint16(header[4:], uint16(len(segment)))
	copy(header[8:], src)
	copy(header[24:], dst)
	return append(header, segment...)
}

// segment is what follows the IP header, without its checksum.
func (p Probe) segment() []byte {
	b := make([]byte, 20)
	if p.Proto == "udp" {
		b = b[:9]
		binary.BigEndian.PutUint16(b[4:], 9)
	} else {
		binary.BigEndian.PutUint32(b[4:], 1)
		b[12], b[13] = 5<<4, 2|p.Flags // its length, and SYN
		binary.BigEndian.PutUint16(b[14:], 1024)
	}
	binary.BigEndian.PutUint16(b, p.Src.Port())
	binary.BigEndian.PutUint16(b[2:], p.Dst.Port())
	return b
}

func sum16(sum uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

func fold(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
