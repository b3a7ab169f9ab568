package proxy

import (
	"context"
	"net/netip"
	"time"
)

// A State is what a port answers to a SYN.
type State string

// The states.
const (
	Open        State = "open"
	Refused     State = "refused"
	Silent      State = "silent"
	Unreachable State = "unreachable"
)

// probeTime is how long a port may take to answer. It ends before the kernel's
// second SYN.
const probeTime = 900 * time.Millisecond

// Probe sends one SYN to a port and describes the result. On Linux the handshake never
// completes, so the server does not notice. Elsewhere, a completed one is reset at once.
func (o *Opener) Probe(ctx context.Context, addr netip.Addr, port uint16) (State, string) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	conn, err := o.dialHedged(ctx, netip.AddrPortFrom(addr, port), new(witness))
	state := Unreachable
	switch {
	case err == nil:
		reset(conn)
		state = Open
	case isRefused(err):
		state = Refused
	case ctx.Err() != nil || err == errTimedOut:
		state = Silent
	default:
		return state, "unreachable: " + err.Error()
	}
	return state, string(state)
}
