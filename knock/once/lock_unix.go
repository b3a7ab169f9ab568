//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package once

import (
	"errors"
	"os"
	"syscall"
)

// ErrBusy says that another process uses the list.
var ErrBusy = errors.New("in use by another process")

func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrBusy
	}
	return err
}
