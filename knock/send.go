package knock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"knockpipe/knock/fwknop"
)

// Sender sends sequences to one address.
type Sender struct {
	To     netip.Addr    // the address to knock at, with its zone
	Source netip.Addr    // the local address to knock from; the zero Addr lets the system choose
	Gap    time.Duration // the pause between two knocks; zero sends them back to back

	// Port is the service port, and Stanzas are those that the sequence names, for
	// single packet authorization.
	Port    uint16
	Stanzas map[string]*fwknop.Stanza

	// Exec has another program knock at To. It may be nil where no step asks for it.
	Exec func(ctx context.Context, command string, to netip.Addr) error

	// Wait keeps Send until each connection of a knock is over, for a process that
	// ends after it.
	Wait bool

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
	var open sync.WaitGroup // the connections of knocks
	if s.Wait {
		defer open.Wait()
	}
	order := s.order(seq)
	for n, i := range order {
		step := seq[i]
		wait := step.Pause
		if n > 0 {
			wait = max(wait, s.Gap)
		}
		if wait > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(wait):
			}
		}
		if err := s.send(ctx, step, &open); err != nil {
			return fmt.Errorf("knock %d of %d (%v): %w", i+1, len(seq), step.Proto, withoutAddr(err))
		}
		if s.Logf != nil && step.Proto != Pause {
			why := ""
			if len(order)-n > len(seq) {
				why = ", for a fresh start"
			}
			s.Logf("knock %d of %d (%v) to %v%s", i+1, len(seq), step.Proto, s.To, why)
		}
	}
	return nil
}

// order is which steps are sent, one after the other. What another program sends,
// and what is new each time, leaves nothing half done that could be ended so.
func (s *Sender) order(seq Sequence) []int {
	order := make([]int, 0, len(seq)+2)
	if i := seq.restart(); s.Restart && i > 0 && seq.Knocks() > 2 && !seq.Slow() {
		order = append(order, i, i)
	}
	for i := range seq {
		order = append(order, i)
	}
	return order
}

func (s *Sender) send(ctx context.Context, step Step, open *sync.WaitGroup) error {
	switch {
	case step.Proto == FWKNOP && s.Stanzas[step.Text] == nil:
		return errors.New("no such stanza")
	case step.Proto == FWKNOP:
		return s.Stanzas[step.Text].Send(ctx, s.To, s.Source, s.Port)
	case step.Proto == Exec:
		return s.Exec(ctx, step.Text, s.To)
	case step.Proto == Once:
		return errors.New("not resolved") // its sequence is sent in its place
	case step.Proto == Pause:
		return nil
	case step.Proto == ICMP:
		return s.sendICMP(step.Size)
	case step.Proto == UDP:
		return s.sendUDP(step.Port, step.Payload)
	case step.Connect:
		return s.sendConnect(step.Port, open)
	}
	return s.sendTCP(step.Port)
}

// sendUDP sends one datagram. The socket is a fresh one: an earlier knock's ICMP
// error would fail a second write on the same one.
func (s *Sender) sendUDP(port uint16, payload string) error {
	conn, err := net.DialUDP("udp", s.sourceUDP(), net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.To, port)))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte(payload))
	return err
}

// connectTime is how long a whole connection is kept, for a proxy on the way to
// make its own. It ends before the kernel repeats a SYN. No other knock waits for
// it: the port may well be silent.
const connectTime = 900 * time.Millisecond

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
