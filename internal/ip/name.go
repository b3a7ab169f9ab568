package ip

import (
	"strings"
	"unicode"
)

// maxName is the longest name of a host, in bytes (RFC 1035).
const maxName = 255

// BadName reports whether a host cannot have this name or address. Other programs would
// read a name that begins with a hyphen as an option, and a terminal would obey a control
// character.
func BadName(s string) bool {
	bad := func(r rune) bool { return r <= ' ' || unicode.IsControl(r) }
	return s == "" || len(s) > maxName || s[0] == '-' || strings.ContainsFunc(s, bad)
}
