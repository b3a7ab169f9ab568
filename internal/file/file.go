// Package file has what several packages ask of files: who may read and write them,
// a lock, and an error that does not name the file.
package file

import (
	"errors"
	"io/fs"
	"os"
)

// Shared returns what others than the user and root may do with a file: the bits of
// the group and of everybody else. If it belongs to somebody else, that is all of
// them. Where the system has no such bits, it is none.
func Shared(info fs.FileInfo) fs.FileMode {
	switch uid, _, ok := Owner(info); {
	case !ok:
		return 0
	case uid != 0 && int(uid) != os.Getuid():
		return 0o077
	}
	return info.Mode().Perm() & 0o077
}

// Mine reports whether a file belongs to the user, as far as the system can tell.
func Mine(info fs.FileInfo) bool {
	uid, _, ok := Owner(info)
	return !ok || int(uid) == os.Getuid()
}

// WithoutPath returns what is wrong with a file that the message names anyway.
func WithoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// ErrBusy says that another process has the lock.
var ErrBusy = errors.New("in use by another process")
