// Package cli is the command line: what it asks, what the config adds to that, and
// what is done about it.
//
// A [question] is what the flags say. With the config it makes a [plan], whose
// names are then looked up, once, for a [target]. A target opens the door, and is
// the session.
package cli
