package proxy

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// An answered error is the error of a connect that a host on the way reported by ICMP.
type answered struct {
	error
	by netip.Addr
}

func (e *answered) Error() string { return e.error.Error() + " (says " + e.by.String() + ")" }

func (e *answered) Unwrap() error { return e.error }

// A witness keeps a second descriptor of a connecting socket: the kernel forgets the
// answer when the last descriptor is closed.
type witness struct {
	mu sync.Mutex
	fd int
}

// connected reports whether the server has taken the connection, which its goroutine may
// not know yet: on a busy machine it can wait a long time for a processor.
func (w *witness) connected() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fd <= 0 {
		return false
	}
	fds := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLOUT}}
	_, err := unix.Poll(fds, 0)
	return err == nil && fds[0].Revents == unix.POLLOUT
}

// watch has the kernel keep what ICMP says (IP_RECVERR, ip(7)). settle switches it off
// again, because otherwise such a message would end an open connection. If a socket has
// connected to itself, package net makes another one and closes this one.
func (w *witness) watch(fd int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
	if w.fd > 0 {
		unix.Close(w.fd)
	}
	w.fd, _ = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
}

func unwatch(fd int) {
	unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 0)
	unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 0)
}

// close adds to err who answered, unless that was the host itself, or this machine, which
// answers for a host that does not exist.
func (w *witness) close(err error, host netip.Addr) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fd <= 0 {
		return err
	}
	defer func() {
		unix.Close(w.fd)
		w.fd = 0
	}()
	if _, ok := err.(syscall.Errno); !ok {
		return err
	}
	control := make([]byte, 512)
	_, n, _, _, e := unix.Recvmsg(w.fd, nil, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if e != nil {
		return err
	}
	messages, e := unix.ParseSocketControlMessage(control[:n])
	if e != nil {
		return err
	}
	for _, m := range messages {
		if by := offender(m.Data); by.IsValid() && by != host.WithZone("") && by != own(w.fd) {
			return &answered{err, by}
		}
	}
	return err
}

// offender is the address behind a struct sock_extended_err (ip(7)): a struct
// sockaddr.
func offender(data []byte) netip.Addr {
	const origin, size = 4, 16
	if len(data) < size+unix.SizeofSockaddrInet4 || data[origin] != unix.SO_EE_ORIGIN_ICMP && data[origin] != unix.SO_EE_ORIGIN_ICMP6 {
		return netip.Addr{}
	}
	name := data[size:]
	switch family := binary.NativeEndian.Uint16(name); {
	case family == unix.AF_INET:
		return netip.AddrFrom4([4]byte(name[4:8]))
	case family == unix.AF_INET6 && len(name) >= unix.SizeofSockaddrInet6:
		return netip.AddrFrom16([16]byte(name[8:24])).Unmap()
	}
	return netip.Addr{}
}

// own is the local address of a socket.
func own(fd int) netip.Addr {
	switch name, _ := unix.Getsockname(fd); name := name.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(name.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(name.Addr).Unmap()
	}
	return netip.Addr{}
}
