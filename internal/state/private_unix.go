//go:build unix

package state

import (
	"io/fs"
	"os"
	"syscall"
)

// private reports whether a folder is the user's and nobody else may write to it.
func private(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid() && info.Mode().Perm()&0o022 == 0
}
