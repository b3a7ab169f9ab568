// Package state holds what the knockpipe processes of one user share: turns at knocking,
// which doors are open at the moment, and a memory of what opened a door.
//
// Nothing depends on it. If its directories cannot be created or trusted, every process
// gets its turn at once and nothing is remembered. It never holds a sequence.
package state
