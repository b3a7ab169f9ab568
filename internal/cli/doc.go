// Package cli is the command line: what it asks for, what the config adds to that,
// and what is done about it.
//
// [Run] reads the command line into [options]. They have a [mode], which says what is
// to be done. Each mode has a file that begins with its func and reads from top to
// bottom: pipe.go, knock.go (-k), explain.go (-G), check.go, rules.go and once.go. Most
// of them make a [plan] of the options and the config, look its names up, once, for a
// [target], and open the [door] of that.
package cli
