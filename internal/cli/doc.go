// Package cli is the command line: it reads the options and the config, and runs what
// they ask for.
//
// [Run] reads the command line into [options]. The options select a [mode]. Each mode has
// a file that begins with its func and reads from top to bottom: pipe.go, knock.go (-k),
// explain.go (-G), check.go, rules.go, once.go, keygen.go and tokens.go. Most modes make
// a [plan] from the options and the config, resolve its names once into a [target], and
// open the [door] of that.
package cli
