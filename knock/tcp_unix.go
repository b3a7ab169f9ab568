//go:build unix

package knock

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// sendSYN sends exactly one SYN: a non-blocking connect puts it on the wire,
// and closing the socket at once keeps the kernel from sending it again after
// a second, which would spoil a strict door's sequence.
func (s *Sender) sendSYN(port uint16) error {
	fd, err := s.startConnect(port)
	if err != nil {
		return err
	}
	return syscall.Close(fd)
}

// connect sends the SYN in its turn, and leaves the rest of the handshake to the
// kernel.
func (s *Sender) connect(port uint16) error {
	fd, err := s.startConnect(port)
	if err != nil {
		return err
	}
	conn := os.NewFile(uintptr(fd), "")
	if err := conn.SetReadDeadline(time.Now().Add(connectTime)); err != nil {
		conn.Close()
		return err
	}
	s.left.Go(func() {
		defer conn.Close()
		conn.Read(make([]byte, 1)) // until the other side has enough of it
	})
	return nil
}

// startConnect returns a socket that has begun to connect.
func (s *Sender) startConnect(port uint16) (fd int, err error) {
	family := syscall.AF_INET
	if s.To.Is6() {
		family = syscall.AF_INET6
	}
	if fd, err = tcpSocket(family); err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := s.beginHandshake(fd, port); err != nil {
		syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

// tcpSocket returns a non-blocking TCP socket that no child inherits.
func tcpSocket(family int) (int, error) {
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, err
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (s *Sender) beginHandshake(fd int, port uint16) error {
	if err := s.bind(fd); err != nil {
		return err
	}
	to, err := sockaddr(s.To, port)
	if err != nil {
		return err
	}
	err = syscall.Connect(fd, to)
	// In progress is the rule; on loopback the answer is there already, and a
	// refusal is an answer.
	if err == nil || errors.Is(err, syscall.EINPROGRESS) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	return os.NewSyscallError("connect", err)
}
