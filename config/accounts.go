package config

import (
	"os"
	"strconv"
	"strings"
)

// accounts finds out what package os/user does not tell: who is in a group. It reads only
// the local files, and what they lack is unknown. It reads them when they are first
// needed, which is rare.
type accounts struct {
	passwdFile, groupFile string
	passwd, group         [][]string
	read                  bool
}

func localAccounts() *accounts {
	return &accounts{passwdFile: "/etc/passwd", groupFile: "/etc/group"}
}

func (a *accounts) load() {
	if !a.read {
		a.read = true
		a.passwd = readTable(a.passwdFile, 7)
		a.group = readTable(a.groupFile, 4)
	}
}

// privateGroup reports whether only the user uid is in a group, by the rules of Debian's
// ssh (secure_permissions in its user-group-modes.patch): only this uid has it as its
// first group, the group lists nobody but the file's owner, and it is not empty.
func (a *accounts) privateGroup(uid, owner, gid uint32) bool {
	a.load()
	var name string // the owner's
	first := false  // it is somebody's first group
	for _, entry := range a.passwd {
		if entry[3] == decimal(gid) {
			if entry[2] != decimal(uid) {
				return false
			}
			first = true
		}
		if entry[2] == decimal(owner) && name == "" {
			name = entry[0]
		}
	}
	if name == "" {
		return false
	}
	for _, entry := range a.group {
		if entry[2] == decimal(gid) {
			return entry[3] == name || entry[3] == "" && first
		}
	}
	return false
}

func decimal(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// readTable reads the entries of a file that have this number of fields.
func readTable(path string, fields int) [][]string {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFileSize {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var table [][]string
	for line := range strings.Lines(string(text)) {
		if entry := strings.Split(strings.TrimRight(line, "\r\n"), ":"); len(entry) == fields {
			table = append(table, entry)
		}
	}
	return table
}
