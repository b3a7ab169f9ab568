package once

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// ErrBusy says that another process uses the list.
var ErrBusy = errors.New("in use by another process")

// lock locks a byte far behind the end: what is locked here, nobody else may read.
func lock(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrBusy
	}
	return err
}
