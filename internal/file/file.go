// Package file has what several packages ask of files: who may read and write them,
// a lock, and an error that does not name the file.
package file

import (
	"errors"
	"io"
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

// ReadRegular returns what is in a regular file, and refuses one of more than most bytes.
// It does not wait: a FIFO is not opened, nor a device.
func ReadRegular(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	case info.Size() > most:
		return nil, errTooLarge
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most { // as files of /proc, whose size is 0
		return nil, errTooLarge
	}
	return text, err
}

var errTooLarge = errors.New("too large")

// WithoutPath returns what is wrong with a file that the message names anyway.
func WithoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// ErrBusy says that another process has the lock.
var ErrBusy = errors.New("in use by another process")
