// Package state is what knockpipe processes of one user share: turns at knocking,
// and a memory of what opened a door.
//
// Nothing depends on it. Where its folders cannot be made or trusted, every
// process has its turn at once and nothing is remembered. It never holds a
// sequence.
package state
