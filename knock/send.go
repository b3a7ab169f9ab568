package knock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Sender sends sequences to one address.
type Sender struct {
	To     netip.Addr    // the address to knock at, with its zone
	Source netip.Addr    // the local address to knock from; the zero Addr lets the system choose
	Port   uint16        // the service port, which the knock is to open
	Gap    time.Duration // the pause between two knocks; zero sends them back to back

	// Restart says how often to send the second knock before a sequence of three or more,
	// to end what an earlier try may have left half done. knockd 0.8 drops a half-done
	// sequence at a knock that does not continue it, and does not count that knock as a
	// first one. Whatever knockd waits for, one of two such knocks does not continue it,
	// and a third makes up for a lost one. A door that forgives knocks out of order
	// forgives these too.
	Restart int

	// Logf logs each knock, without its port. It may be nil.
	Logf func(format string, args ...any)

	left sync.WaitGroup // what the knocks have left running
}

// Send sends the sequence once and does not wait for answers, because a door gives none
// that could be trusted. An error means that a knock could not leave this machine, or
// that ctx ended before the last one.
//
// Send leaves slow knocks running: the connection of a TCP knock, and a program that
// still runs when ctx is canceled (the deadline of ctx kills it).
func (s *Sender) Send(ctx context.Context, seq Sequence) error {
	order := s.restart(seq)
	restart := len(order)
	for i := range seq {
		order = append(order, i)
	}
	return s.send(ctx, seq, order, restart)
}

// SendRestart sends only what Restart asks for before the sequence, as Send does.
func (s *Sender) SendRestart(ctx context.Context, seq Sequence) error {
	order := s.restart(seq)
	return s.send(ctx, seq, order, len(order))
}

// send sends these steps of the sequence, of which so many are the restart before it.
func (s *Sender) send(ctx context.Context, seq Sequence, order []int, restart int) error {
	for n, i := range order {
		step := seq[i]
		pause := step.Facts().Pause
		wait := pause
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
		if err := step.send(ctx, s); err != nil {
			return fmt.Errorf("knock %d of %d (%v): %w", i+1, len(seq), step.Kind(), withoutAddr(err))
		}
		if s.Logf != nil && pause == 0 {
			why := ""
			if n < restart {
				why = ", for a fresh start"
			}
			s.Logf("knock %d of %d (%v) to %v%s", i+1, len(seq), step.Kind(), s.To, why)
		}
	}
	return nil
}

// Wait returns when nothing is left running of what was sent.
func (s *Sender) Wait() { s.left.Wait() }

// restart lists the steps of a restart. A sequence without an order leaves nothing half
// done.
func (s *Sender) restart(seq Sequence) []int {
	i := seq.restart()
	if i <= 0 || seq.Knocks() <= 2 || !seq.Ordered() {
		return nil
	}
	return slices.Repeat([]int{i}, s.Restart)
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
