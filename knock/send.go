package knock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Sender sends sequences to one address.
type Sender struct {
	To     netip.Addr    // the address to knock at, with its zone
	Source netip.Addr    // the local address to knock from; the zero Addr lets the system choose
	Gap    time.Duration // the pause between two knocks; zero sends them back to back

	// Restart first ends what an earlier try may have left half done: the second
	// knock comes twice ahead of a sequence of three or more. knockd 0.8 drops a
	// half done sequence at a knock that does not continue it, and then does not
	// take that knock for a first one; whatever it waits for, one of the two does
	// not continue it. A door that forgives what is out of order forgives these.
	Restart bool

	// Logf is told of each knock, without its port. It may be nil.
	Logf func(format string, args ...any)
}

// Send sends the sequence once and does not wait for answers: a door gives
// none that could be trusted. An error means that a knock could not leave this
// machine, or that ctx ended before the last one.
func (s *Sender) Send(ctx context.Context, seq Sequence) error {
	order := make([]int, 0, len(seq)+2)
	if s.Restart && len(seq) > 2 {
		order = append(order, 1, 1)
	}
	for i := range seq {
		order = append(order, i)
	}
	for n, i := range order {
		if n > 0 && s.Gap > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(s.Gap):
			}
		}
		if err := s.send(seq[i]); err != nil {
			return fmt.Errorf("knock %d of %d (%v): %w", i+1, len(seq), seq[i].Proto, withoutAddr(err))
		}
		if s.Logf != nil {
			s.Logf("knock %d of %d (%v) to %v", i+1, len(seq), seq[i].Proto, s.To)
		}
	}
	return nil
}

func (s *Sender) send(step Step) error {
	if step.Proto == UDP {
		return s.sendUDP(step.Port)
	}
	return s.sendTCP(step.Port)
}

// sendUDP sends one zero byte, as knock(1) does. The socket is a fresh one: an
// earlier knock's ICMP error would fail a second write on the same one.
func (s *Sender) sendUDP(port uint16) error {
	conn, err := net.DialUDP("udp", s.sourceUDP(), net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.To, port)))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte{0})
	return err
}

func (s *Sender) sourceUDP() *net.UDPAddr {
	if !s.Source.IsValid() {
		return nil
	}
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.Source, 0))
}

// withoutAddr strips the address, and with it the port, that package net puts
// around a system's error.
func withoutAddr(err error) error {
	var errno syscall.Errno
	var op *net.OpError
	switch {
	case errors.As(err, &errno):
		return errno
	case errors.As(err, &op):
		return op.Err
	}
	return err
}
