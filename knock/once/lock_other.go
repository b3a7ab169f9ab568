//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package once

import (
	"errors"
	"os"
)

// ErrBusy says that another process uses the list.
var ErrBusy = errors.New("in use by another process")

// lock does nothing where there are no advisory locks.
func lock(*os.File) error { return nil }
