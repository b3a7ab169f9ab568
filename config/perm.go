package config

import (
	"fmt"
	"io/fs"
	"os"

	"knockpipe/internal/file"
)

// badOwner reports whether ssh would refuse a file because it belongs to someone other
// than the user and root, or because others may write to it. A group may write if only
// the user is in it: Debian's ssh allows that. Any other ssh refuses the file itself.
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
