//go:build unix

package file

import (
	"io/fs"
	"syscall"
)

// Owner returns the owner and group of a file. It reports false if the system does not
// tell.
func Owner(info fs.FileInfo) (uid, gid uint32, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return stat.Uid, stat.Gid, true
}
