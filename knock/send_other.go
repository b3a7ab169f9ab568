//go:build !unix

package knock

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// dialTime is how long a knock's connect may take: long enough for its SYN to
// leave (measured: 100 us always did), too short for a second one.
const dialTime = 10 * time.Millisecond

// sendTCP dials for a moment, where a connect that does not block cannot be
// had without the system's own calls.
func (s *Sender) sendTCP(port uint16) error {
	dialer := net.Dialer{Timeout: dialTime}
	if s.Source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.Source, 0))
	}
	conn, err := dialer.Dial("tcp", netip.AddrPortFrom(s.To, port).String())
	if err == nil {
		return conn.Close()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ECONNREFUSED) || refused(err) {
		return nil
	}
	return err
}

// sendConnect makes a connection and closes it again.
func (s *Sender) sendConnect(port uint16, open *sync.WaitGroup) error {
	dialer := net.Dialer{Timeout: connectTime}
	if s.Source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.Source, 0))
	}
	open.Go(func() {
		conn, err := dialer.Dial("tcp", netip.AddrPortFrom(s.To, port).String())
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetReadDeadline(time.Now().Add(connectTime))
		conn.Read(make([]byte, 1))
	})
	return nil
}

// refused reports whether err is Windows' own "connection refused", which is
// not the one that package syscall makes up for it.
func refused(err error) bool {
	const wsaeconnrefused = syscall.Errno(10061)
	return errors.Is(err, wsaeconnrefused)
}
