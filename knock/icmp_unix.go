//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package knock

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"syscall"
)

const (
	protoICMP   = 1
	protoICMPv6 = 58
)

var errNoPing = errors.New("no permission to send an echo request: as root, include your group in the range of sysctl net.ipv4.ping_group_range")

// sendEcho sends one echo request with this data: from an unprivileged ping socket where the system has them, else
// from a raw one.
//
// The socket is new, and with it the echo's id, because the firewall takes an echo whose
// id was answered before for part of an old exchange.
func (s *Sender) sendEcho(data []byte) error {
	family, proto := syscall.AF_INET, protoICMP
	if s.To.Is6() {
		family, proto = syscall.AF_INET6, protoICMPv6
	}
	fd, err := pingSocket(family, proto)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	if err := s.bind(fd); err != nil {
		return err
	}
	to, err := sockaddr(s.To, 0)
	if err != nil {
		return err
	}
	return os.NewSyscallError("sendto", syscall.Sendto(fd, echo(proto, data), 0, to))
}

func pingSocket(family, proto int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Socket(family, syscall.SOCK_DGRAM, proto)
	if err != nil {
		fd, err = syscall.Socket(family, syscall.SOCK_RAW, proto)
	}
	switch {
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return -1, errNoPing
	case err != nil:
		return -1, os.NewSyscallError("socket", err)
	}
	syscall.CloseOnExec(fd)
	return fd, nil
}

// echo is an echo request (RFC 792, RFC 4443). A ping socket puts in its own id;
// the kernel computes the checksum, except for raw IPv4.
func echo(proto int, data []byte) []byte {
	packet := append(make([]byte, 8, 8+len(data)), data...)
	packet[0] = 8
	if proto == protoICMPv6 {
		packet[0] = 128
	}
	binary.BigEndian.PutUint16(packet[4:], uint16(rand.Uint32()))
	binary.BigEndian.PutUint16(packet[6:], 1)
	if proto == protoICMP {
		binary.BigEndian.PutUint16(packet[2:], checksum(packet))
	}
	return packet
}

// checksum is that of the Internet (RFC 1071).
func checksum(data []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(data); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(data[i:]))
	}
	if len(data)%2 == 1 {
		sum += uint32(data[len(data)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
