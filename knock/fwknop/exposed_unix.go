//go:build unix

package fwknop

import (
	"io/fs"
	"os"
	"syscall"
)

// exposed reports whether others than the user and root can read or write a file.
func exposed(info fs.FileInfo) bool {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Getuid() {
		return true
	}
	return info.Mode().Perm()&0o077 != 0
}
