package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
)

// The limits of what is read. A file that is included twice counts twice.
const (
	maxFileSize = 16 << 20 // bytes
	maxTotal    = 64 << 20 // bytes of one reading of all files
	maxFiles    = 10000
	maxDepth    = 16 // of Include, as in ssh
)

var (
	errDirectory  = errors.New("is a directory")
	errNotRegular = errors.New("not a regular file")
	errTooLarge   = errors.New("larger than 16 MiB")
	errTooMuch    = errors.New("more than 64 MiB of included files")
)

// A file is one that was read.
type file struct {
	path string
	text string
	info fs.FileInfo
	err  error

	hidden bool // it is not even known whether there is one
}

// open reads a file, once however often it is included. It never waits: a FIFO
// is not opened. A character device such as /dev/null counts as empty.
func (r *reader) open(path string) *file {
	f := r.files[path]
	if f == nil {
		f = &file{path: path}
		f.err = f.read()
		r.files[path] = f
	}
	return f
}

func (f *file) read() error {
	info, err := os.Stat(f.path)
	switch {
	case err != nil:
		f.hidden = true
		return withoutPath(err)
	case info.IsDir():
		return errDirectory
	case info.Mode()&fs.ModeCharDevice != 0:
		return nil
	case !info.Mode().IsRegular():
		return errNotRegular
	case info.Size() > maxFileSize:
		return errTooLarge
	}
	in, err := os.Open(f.path)
	if err != nil {
		return withoutPath(err)
	}
	defer in.Close()
	if f.info, err = in.Stat(); err != nil {
		return withoutPath(err)
	}
	var text strings.Builder
	text.Grow(int(info.Size()))
	n, err := io.Copy(&text, io.LimitReader(in, maxFileSize+1))
	if err != nil {
		return withoutPath(err)
	}
	if n > maxFileSize {
		return errTooLarge
	}
	f.text = text.String()
	return nil
}

// withoutPath strips the path that the message will begin with anyway.
func withoutPath(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
