// Package file has what several packages need: who may read and write a file, a lock, and
// errors that do not name the file.
package file

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// Shared returns what users other than the owner of this process and root may do with a
// file: the mode bits of the group and of all others. If the file belongs to another
// user, it returns all bits. If the system has no such bits, it returns none.
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

// ReadRegular returns the content of a regular file, and refuses one of more than most
// bytes. It never blocks, because it opens neither FIFOs nor devices.
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

// WithoutPath returns the cause of a file error without the path, for messages that
// already name the file.
func WithoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// ErrBusy says that another process has the lock.
var ErrBusy = errors.New("in use by another process")
