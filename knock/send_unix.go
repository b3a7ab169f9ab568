//go:build unix

package knock

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// sendTCP sends exactly one SYN: a non-blocking connect puts it on the wire,
// and closing the socket at once keeps the kernel from sending it again after
// a second, which would spoil a strict door's sequence.
func (s *Sender) sendTCP(port uint16) error {
	fd, err := s.startTCP(port)
	if err != nil {
		return err
	}
	return syscall.Close(fd)
}

// sendConnect sends the SYN in its turn, and leaves the rest of the handshake to
// the kernel.
func (s *Sender) sendConnect(port uint16, open *sync.WaitGroup) error {
	fd, err := s.startTCP(port)
	if err != nil {
		return err
	}
	conn := os.NewFile(uintptr(fd), "")
	if err := conn.SetReadDeadline(time.Now().Add(connectTime)); err != nil {
		conn.Close()
		return err
	}
	open.Go(func() {
		defer conn.Close()
		conn.Read(make([]byte, 1)) // until the other side has enough of it
	})
	return nil
}

// startTCP returns a socket that has begun to connect.
func (s *Sender) startTCP(port uint16) (fd int, err error) {
	family := syscall.AF_INET
	if s.To.Is6() {
		family = syscall.AF_INET6
	}
	if fd, err = socket(family); err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := s.connect(fd, port); err != nil {
		syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (s *Sender) connect(fd int, port uint16) error {
	if s.Source.IsValid() {
		from, err := sockaddr(s.Source, 0)
		if err != nil {
			return err
		}
		if err := syscall.Bind(fd, from); err != nil {
			return os.NewSyscallError("bind", err)
		}
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

// socket returns a non-blocking TCP socket that no child inherits.
func socket(family int) (int, error) {
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

func sockaddr(addr netip.Addr, port uint16) (syscall.Sockaddr, error) {
	if addr.Is4() {
		return &syscall.SockaddrInet4{Port: int(port), Addr: addr.As4()}, nil
	}
	sa := &syscall.SockaddrInet6{Port: int(port), Addr: addr.As16()}
	if zone := addr.Zone(); zone != "" {
		index, err := strconv.ParseUint(zone, 10, 32)
		if err != nil {
			ifi, err := net.InterfaceByName(zone)
			if err != nil {
				return nil, err
			}
			index = uint64(ifi.Index)
		}
		sa.ZoneId = uint32(index)
	}
	return sa, nil
}
