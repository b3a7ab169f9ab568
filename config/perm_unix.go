//go:build unix

package config

import (
	"io/fs"
	"os"
	"syscall"
)

// badOwner reports whether ssh would refuse a file because of who owns it or
// who may write to it: anybody but root and the user. The group may write if the
// user is alone in it; Debian's ssh allows that, and others refuse the file
// themselves.
func badOwner(info fs.FileInfo, accounts *accounts) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	if stat.Uid != 0 && int(stat.Uid) != os.Getuid() {
		return true
	}
	mode := info.Mode().Perm()
	return mode&0o002 != 0 || mode&0o020 != 0 && !accounts.privateGroup(uint32(os.Getuid()), stat.Uid, stat.Gid)
}
