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

// files are what the readers of one query share, so that each file is read once.
type files struct {
	inputs map[string]*input
	order  []*input            // as they were opened
	globs  map[string][]string // what the patterns of Include lines stand for
}

func newFiles() *files {
	return &files{inputs: map[string]*input{}, globs: map[string][]string{}}
}

// An input is a file that was read, or the error that kept it from being read.
type input struct {
	path    string
	text    string
	info    fs.FileInfo // nil if there is nothing to read
	err     error
	outline outline // nil until the text was read once

	hidden bool // it is not even known whether there is such a file
}

// open reads a file, once however often it is included. It never waits: a FIFO
// is not opened. A character device such as /dev/null counts as empty.
func (f *files) open(path string) *input {
	in := f.inputs[path]
	if in == nil {
		in = &input{path: path}
		in.err = in.read()
		f.inputs[path] = in
		f.order = append(f.order, in)
	}
	return in
}

// glob returns the paths that a pattern stands for, the same ones however often.
func (f *files) glob(pattern string) ([]string, error) {
	paths, known := f.globs[pattern]
	if known {
		return paths, nil
	}
	paths, err := glob(pattern)
	if err == nil {
		f.globs[pattern] = paths
	}
	return paths, err
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
