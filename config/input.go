package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"knockpipe/internal/file"
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

// An input is a file that was read, or the error that kept it from being read.
type input struct {
	path string
	text string
	info fs.FileInfo // nil if there is nothing to read
	err  error

	hidden bool // it is not even known whether there is such a file
}

// open reads a file, once however often it is included. It never waits: a FIFO
// is not opened. A character device such as /dev/null counts as empty.
func (r *reader) open(path string) *input {
	in := r.inputs[path]
	if in == nil {
		in = &input{path: path}
		in.err = in.read()
		r.inputs[path] = in
	}
	return in
}

func (in *input) read() error {
	info, err := os.Stat(in.path)
	switch {
	case err != nil:
		in.hidden = true
		return file.WithoutPath(err)
	case info.IsDir():
		return errDirectory
	case info.Mode()&fs.ModeCharDevice != 0:
		return nil
	case !info.Mode().IsRegular():
		return errNotRegular
	case info.Size() > maxFileSize:
		return errTooLarge
	}
	f, err := os.Open(in.path)
	if err != nil {
		return file.WithoutPath(err)
	}
	defer f.Close()
	if in.info, err = f.Stat(); err != nil {
		return file.WithoutPath(err)
	}
	var text strings.Builder
	text.Grow(int(info.Size()))
	n, err := io.Copy(&text, io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return file.WithoutPath(err)
	}
	if n > maxFileSize {
		return errTooLarge
	}
	in.text = text.String()
	return nil
}
