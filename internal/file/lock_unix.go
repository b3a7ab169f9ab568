//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package file

import (
	"errors"
	"os"
	"syscall"
)

// NoFollow is the flag for OpenFile that refuses a symbolic link.
const NoFollow = syscall.O_NOFOLLOW

// Lock locks a file for this process until it is closed or the process ends. It does
// not wait: the error is [ErrBusy] if another one has the lock.
func Lock(f *os.File) error {
	for {
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrBusy
		case !errors.Is(err, syscall.EINTR):
			return err
		}
	}
}

// Close closes a locked file, and so gives the lock to others.
func Close(f *os.File) { f.Close() }
