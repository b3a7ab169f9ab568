package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"time"
)

// Turns lets processes that share a folder knock one at a time at an address. Some
// doors (knockd, iptables recent) keep one state for each client address, so two
// sequences at the same time spoil each other.
type Turns struct {
	Dir string // from RuntimeDir; without it, everybody has a turn at once

	// Patience is how long a process may have its turn. One that has it longer was
	// stopped (Ctrl-Z), and the others take turns without it. Zero is for ever.
	Patience time.Duration
}

// A Turn is what came of a wait.
type Turn struct {
	// End gives the turn to the others, with the time that the door's port took to
	// answer, or zero if it did not open. It is nil where another process had its
	// turn meanwhile. A process that ends without it holds nobody up.
	End func(took time.Duration)

	// Took is what that process gave to its End.
	Took time.Duration
}

// A lockName is the name of an address's files, which does not show it.
func lockName(to netip.Addr) string {
	sum := sha256.Sum256([]byte("turn " + to.String()))
	return hex.EncodeToString(sum[:12])
}

// Wait waits until no other process has its turn at an address, or ctx ends. If
// another had it, all that waited are told so together, and have to Wait again
// for a turn of their own. Without a folder it is nobody else's turn.
func (t Turns) Wait(ctx context.Context, to netip.Addr) Turn {
	if t.Dir == "" {
		return Turn{End: func(time.Duration) {}}
	}
	return t.wait(ctx, lockName(to))
}
