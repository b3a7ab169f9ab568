package config

import (
	"os"
	"strconv"
	"strings"
)

// accounts is what package os/user does not tell: who is in a group. It knows the
// local files only; what is not in them counts as unknown. They are read when
// they are first needed, which is rarely.
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

// privateGroup reports whether a group is the user's primary one and has no
// other member.
func (a *accounts) privateGroup(uid, gid uint32) bool {
	a.load()
	name := ""
	for _, entry := range a.passwd {
		switch {
		case entry[3] != decimal(gid):
		case entry[2] != decimal(uid) || name != "" && name != entry[0]:
			return false
		default:
			name = entry[0]
		}
	}
	for _, entry := range a.group {
		if entry[2] != decimal(gid) {
			continue
		}
		for _, member := range strings.Split(entry[3], ",") {
			if member != "" && member != name {
				return false
			}
		}
	}
	return name != ""
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
