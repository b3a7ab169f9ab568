//go:build !unix

package knock

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// dialTime is how long a knock's connect may take: long enough for its SYN to
// leave (measured: 100 us always did), too short for a second one.
const dialTime = 10 * time.Millisecond

// sendSYN dials for a moment, because package net has no non-blocking connect.
func (s *Sender) sendSYN(port uint16) error {
	conn, err := s.dialer(dialTime).Dial("tcp", netip.AddrPortFrom(s.To, port).String())
	if err == nil {
		return conn.Close()
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		// The usual end. On a busy machine it may have come before the SYN left; another
		// try makes up for that.
		return nil
	case errors.Is(err, syscall.ECONNREFUSED), refused(err):
		return nil
	}
	return err
}

// connect makes a connection and closes it again.
func (s *Sender) connect(port uint16) error {
	dialer := s.dialer(connectTime)
	to := netip.AddrPortFrom(s.To, port).String()
	s.left.Go(func() {
		conn, err := dialer.Dial("tcp", to)
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetReadDeadline(time.Now().Add(connectTime))
		conn.Read(make([]byte, 1))
	})
	return nil
}

func (s *Sender) dialer(limit time.Duration) *net.Dialer {
	dialer := &net.Dialer{Timeout: limit}
	if s.Source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.Source, 0))
	}
	return dialer
}

// refused reports whether err is Windows' own "connection refused", which is
// not the one that package syscall makes up for it.
func refused(err error) bool {
	const wsaeconnrefused = syscall.Errno(10061)
	return errors.Is(err, wsaeconnrefused)
}
