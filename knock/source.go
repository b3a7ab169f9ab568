package knock

import (
	"context"
	"net/netip"
)

// A Source supplies the sequences of one session: always the same one, or a new one for
// each try. Its methods may be called by several goroutines.
type Source interface {
	// Next returns the sequence of a try at an address. Tries count from 1 at each
	// address; one that could not leave this machine does not count, and its number is
	// used again. Next may wait for another process, until ctx ends.
	Next(ctx context.Context, to netip.Addr, try int) (Sequence, error)

	// Opened says that the port took a connection after so many tries at an address,
	// which is zero if the port was open without them. It returns a warning for the user,
	// or "". Next is not called any more.
	Opened(to netip.Addr, tries int) (warning string)

	// Failed says that the port took no connection. Next is not called any more.
	Failed()

	// Supply describes what is left to send, with a hint if that is too little. Both are
	// empty if the sequence can be used any number of times.
	Supply() (left, hint string)
}

// Source returns the source of a session. It is an error if there is nothing to send.
func (s Sequence) Source() (Source, error) {
	for _, step := range s {
		if s, ok := step.(supplier); ok {
			return s.source()
		}
	}
	return always{s}, nil
}

// always is the source of a sequence that can be used any number of times.
type always struct{ seq Sequence }

func (a always) Next(context.Context, netip.Addr, int) (Sequence, error) { return a.seq, nil }
func (always) Opened(netip.Addr, int) string                             { return "" }
func (always) Failed()                                                   {}
func (always) Supply() (left, hint string)                               { return "", "" }
