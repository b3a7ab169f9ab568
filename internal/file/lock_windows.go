package file

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// NoFollow is the flag for OpenFile that refuses a symbolic link. There is none here:
// to make a link takes a privilege.
const NoFollow = 0

// lockPlace is the byte that is locked: nobody may read what another has locked
// here, so it is one far behind the end.
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

// Close closes a locked file, and gives the lock to others at once. The system would do
// that a while later.
func Close(f *os.File) {
	place := lockPlace
	windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &place)
	f.Close()
}
