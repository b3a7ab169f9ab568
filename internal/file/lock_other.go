//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package file

import "os"

// NoFollow is the flag for OpenFile that refuses a symbolic link. There is none here.
const NoFollow = 0

// Lock does nothing where there are no advisory locks.
func Lock(*os.File) error { return nil }

// Close closes a file.
func Close(f *os.File) { f.Close() }
