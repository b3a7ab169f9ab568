package proxy

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

// A LocalError is why a connect never left this machine. The host has no part in it.
type LocalError struct{ err error }

func (e *LocalError) Error() string { return e.err.Error() + " (says this machine)" }

func (e *LocalError) Unwrap() error { return e.err }

// NoPort reports whether it has no local port left, or not the source address.
func (e *LocalError) NoPort() bool { return isOne(e, noPort) }

// NoFile reports whether it has no descriptor left.
func (e *LocalError) NoFile() bool { return isOne(e, noFile) }

// NoRoute reports whether it knows no way to the host.
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

// Local returns an error that only this machine makes as what it is, or nil.
func Local(err error) *LocalError {
	if isOne(err, noPort) || isOne(err, noFile) || isOne(err, noMore) {
		return &LocalError{err}
	}
	return nil
}

// whose returns a connect's error as a [LocalError] if it is this machine's. That a host
// is unreachable is said by routers, and by this machine where it has no route.
func (o *Opener) whose(err error, to netip.AddrPort) error {
	if local := Local(err); local != nil {
		return local
	}
	if isUnreachable(err) && !o.hasRoute(to) {
		return &LocalError{err}
	}
	return err
}

// hasRoute reports whether a packet to an address would leave this machine. It sends
// none: to connect a UDP socket only looks for the route.
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
