package file

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// NoFollow is the flag for OpenFile that refuses a symbolic link. Windows has none, but
// creating a link needs a privilege there.
const NoFollow = 0

// lockPlace is the byte that is locked. It is far beyond the end of the file, because
// Windows does not let other processes read locked bytes.
var lockPlace = windows.Overlapped{OffsetHigh: 1 << 30}

// Lock locks a file for this process until it is closed or the process ends. It does
// not wait: the error is [ErrBusy] if another one has the lock.
func Lock(f *os.File) error {
	place := lockPlace
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &place)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrBusy
	}
	return err
}

// Close closes a locked file and releases the lock at once. The system alone would
// release it later.
func Close(f *os.File) {
	place := lockPlace
	windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &place)
	f.Close()
}
