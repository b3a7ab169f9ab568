package state

import (
	"os"

	"golang.org/x/sys/windows"
)

const (
	shared    = 0
	exclusive = windows.LOCKFILE_EXCLUSIVE_LOCK
	atOnce    = windows.LOCKFILE_FAIL_IMMEDIATELY
	errHeld   = windows.ERROR_LOCK_VIOLATION
	noFollow  = 0 // the folder is the user's alone
)

// lockPlace is the byte that is locked: nobody may read what another has locked
// here, so it is one far behind the end.
var lockPlace = windows.Overlapped{OffsetHigh: 1 << 30}

func lock(f *os.File, how uint32) error {
	place := lockPlace
	return windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, &place)
}

// unlock closes the file, too, which would give the lock back later.
func unlock(f *os.File) {
	place := lockPlace
	windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &place)
	f.Close()
}
