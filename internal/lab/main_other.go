//go:build !linux

package lab

import (
	"os"
	"testing"
)

// M runs a package's tests; on Linux it makes labs possible first.
type M struct{ *testing.M }

// Main is a whole TestMain: it runs the tests and exits.
func Main(m *testing.M) { os.Exit(M{m}.Run()) }
