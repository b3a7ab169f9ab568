package proxy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A ShutError says that a port stayed shut although its door was knocked at.
type ShutError struct {
	Knocks int     // of the sequence
	Tries  []Tries // one for each address that was knocked at
	Port   uint16
	After  time.Duration
}

// Tries is what happened at one address.
type Tries struct {
	Addr   netip.Addr
	Count  int   // how often the sequence was sent
	Answer error // the last answer to a connect; nil if the port was silent
}

// Error says what was sent, how often and where, and what the port answered.
func (e *ShutError) Error() string {
	knocks := fmt.Sprintf("%d knocks", e.Knocks)
	if e.Knocks == 1 {
		knocks = "1 knock"
	}
	var b strings.Builder
	for i, t := range e.Tries {
		if i > 0 {
			b.WriteString("; ")
		}
		times := fmt.Sprintf("%d times", t.Count)
		if t.Count == 1 {
			times = "once"
		}
		fmt.Fprintf(&b, "%s sent %s to %v, port %d %s", knocks, times, t.Addr, e.Port, t.state())
	}
	fmt.Fprintf(&b, " for %v", e.After)
	return b.String()
}

// Unreachable reports whether no address had a host behind it.
func (e *ShutError) Unreachable() bool {
	for _, t := range e.Tries {
		if !isUnreachable(t.Answer) {
			return false
		}
	}
	return true
}

// Local returns why nothing reached a host from this machine, or nil.
func (e *ShutError) Local() *LocalError {
	var first *LocalError
	for i, t := range e.Tries {
		err := t.local()
		if err == nil {
			return nil
		}
		if i == 0 {
			first = err
		}
	}
	return first
}

// Silent reports whether no connect got an answer at any address.
func (e *ShutError) Silent() bool {
	for _, t := range e.Tries {
		if t.Answer != nil {
			return false
		}
	}
	return true
}

func (t Tries) local() *LocalError {
	local, _ := errors.AsType[*LocalError](t.Answer)
	return local
}

func (t Tries) state() string {
	switch {
	case t.Answer == nil:
		return "silent"
	case isRefused(t.Answer):
		return "refused"
	case t.local() != nil:
		return "not tried: " + t.Answer.Error()
	default:
		return "answered " + t.Answer.Error()
	}
}

// ErrNoTurn says that the time was up before this process had its turn.
var ErrNoTurn = errors.New("time ran out while another process knocked")

// failure is the error of a race that has ended without a winner.
func (r *race) failure(attempts []*attempt) error {
	shut := &ShutError{Knocks: r.opener.Knocks, Port: r.port, After: time.Since(r.start).Round(100 * time.Millisecond)}
	var errs []error
	for _, a := range attempts {
		switch {
		case a.err != nil:
			errs = append(errs, fmt.Errorf("%v: %w", a.addr, a.err))
		case a.sent > 0:
			shut.Tries = append(shut.Tries, Tries{Addr: a.addr, Count: a.sent, Answer: a.answer})
		}
	}
	if len(shut.Tries) > 0 {
		return shut
	}
	if len(errs) > 0 {
		return errs[0]
	}
	hadTurn := func(a *attempt) bool { return a.hadTurn }
	if r.opener.Turn != nil && !slices.ContainsFunc(attempts, hadTurn) {
		return ErrNoTurn
	}
	return errors.New("time ran out before the sequence was sent once")
}

// Windows has its own numbers for these errors; package syscall invents others.
const (
	wsaenetunreach  = syscall.Errno(10051)
	wsaeconnrefused = syscall.Errno(10061)
	wsaehostunreach = syscall.Errno(10065)
)

// isRefused reports whether a port answered with a reset.
func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, wsaeconnrefused)
}

// isUnreachable reports whether a router or the system said that nobody is there.
func isUnreachable(err error) bool {
	return errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EACCES) ||
		errors.Is(err, wsaehostunreach) || errors.Is(err, wsaenetunreach)
}
