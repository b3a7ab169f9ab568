//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package state

import (
	"errors"
	"os"
	"syscall"
)

const (
	shared    = syscall.LOCK_SH
	exclusive = syscall.LOCK_EX
	atOnce    = syscall.LOCK_NB
	errHeld   = syscall.EWOULDBLOCK
	noFollow  = syscall.O_NOFOLLOW
)

func lock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// unlock closes the file, too.
func unlock(f *os.File) { f.Close() }
