package knock

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// sendSYNData sends one SYN with data, as TCP Fast Open does (RFC 7413), but without
// asking for a cookie, which takes a connection. As for a knock, the socket is new and
// closed at once, so that the kernel does not send the SYN again.
func (s *Sender) sendSYNData(port uint16, data []byte) error {
	family := syscall.AF_INET
	if s.To.Is6() {
		family = syscall.AF_INET6
	}
	fd, err := tcpSocket(family)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer syscall.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN_NO_COOKIE, 1); err != nil {
		return os.NewSyscallError("TCP_FASTOPEN_NO_COOKIE", err)
	}
	if err := s.bind(fd); err != nil {
		return err
	}
	to, err := sockaddr(s.To, port)
	if err != nil {
		return err
	}
	err = syscall.Sendto(fd, data, unix.MSG_FASTOPEN|unix.MSG_NOSIGNAL, to)
	// On loopback the answer is there already, and a refusal is an answer.
	if err == nil || errors.Is(err, syscall.EINPROGRESS) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	return os.NewSyscallError("sendto", err)
}
