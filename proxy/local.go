package proxy

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

// A LocalError says why a connect never left this machine. The host is not involved.
type LocalError struct{ err error }

func (e *LocalError) Error() string { return e.err.Error() + " (says this machine)" }

func (e *LocalError) Unwrap() error { return e.err }

// NoPort reports whether this machine has no local port left or lacks the source address.
func (e *LocalError) NoPort() bool { return isOne(e, noPort) }

// NoFile reports whether this process has no descriptor left.
func (e *LocalError) NoFile() bool { return isOne(e, noFile) }

// NoRoute reports whether this machine has no route to the host.
func (e *LocalError) NoRoute() bool { return isUnreachable(e) }

// The errors that only this machine makes. Windows has its own numbers.
var (
	noPort = []syscall.Errno{syscall.EADDRNOTAVAIL, syscall.EADDRINUSE, 10048, 10049}
	noFile = []syscall.Errno{syscall.EMFILE, syscall.ENFILE, 10024}
	noMore = []syscall.Errno{syscall.ENOBUFS, syscall.ENOMEM, 10055, // no memory
		syscall.EPERM, syscall.ENETDOWN, syscall.EAFNOSUPPORT} // a filter of its own, no network
)

func isOne(err error, of []syscall.Errno) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && slices.Contains(of, errno)
}

// Local returns err as a LocalError if only this machine can have caused it, or nil.
func Local(err error) *LocalError {
	if isOne(err, noPort) || isOne(err, noFile) || isOne(err, noMore) {
		return &LocalError{err}
	}
	return nil
}

// whose returns a connect's error as a [LocalError] if this machine caused it. Both
// routers and this machine, when it has no route, report that a host is unreachable.
func (o *Opener) whose(err error, to netip.AddrPort) error {
	if local := Local(err); local != nil {
		return local
	}
	if isUnreachable(err) && !o.hasRoute(to) {
		return &LocalError{err}
	}
	return err
}

// hasRoute reports whether a packet to an address would leave this machine. It sends no
// packet: connecting a UDP socket only looks up the route.
func (o *Opener) hasRoute(to netip.AddrPort) bool {
	var dialer net.Dialer
	if from := o.Sources.For(to.Addr()); from.IsValid() {
		dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	conn, err := dialer.Dial("udp", to.String())
	if err == nil {
		conn.Close()
	}
	return !isUnreachable(err)
}
