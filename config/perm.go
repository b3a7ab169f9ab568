package config

import (
	"fmt"
	"io/fs"
	"os"

	"knockpipe/internal/file"
)

// badOwner reports whether ssh would refuse a file because of who owns it or
// who may write to it: anybody but root and the user. The group may write if it
// is only the user's; Debian's ssh allows that, and others refuse the file
// themselves.
func badOwner(info fs.FileInfo, accounts *accounts) bool {
	switch shared := file.Shared(info); {
	case shared&0o002 != 0: // somebody else's file, too
		return true
	case shared&0o020 != 0:
		owner, group, _ := file.Owner(info)
		return !accounts.privateGroup(uint32(os.Getuid()), owner, group)
	}
	return false
}

// errBadOwner is what ssh says of such a file.
func errBadOwner(path string) error {
	//lint:ignore ST1005 these are ssh's own words
	return fmt.Errorf("Bad owner or permissions on %s", path)
}
