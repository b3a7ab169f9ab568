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

// keeps reports whether what a folder holds stays in its place: where everybody may
// write, as in /tmp, only owners may rename what is theirs.
func keeps(info fs.FileInfo) bool {
	return info.Mode().Perm()&0o002 == 0 || info.Mode()&fs.ModeSticky != 0
}
