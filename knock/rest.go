package knock

import (
	"errors"
	"strings"
)

// maxText is the longest name, path or command, in bytes.
const maxText = 4096

// cutRest finds the kinds of step that take the rest of their word as it stands.
func cutRest(word string) (proto Proto, rest string, ok bool) {
	name, rest, separated := strings.Cut(word, ":")
	switch strings.ToLower(name) {
	case "fwknop":
		return FWKNOP, rest, true
	case "once":
		return Once, rest, separated
	case "exec":
		return Exec, rest, separated
	}
	return 0, "", false
}

// parseRest reads such a step. Its text is not shown: a command can hold a secret.
func parseRest(proto Proto, rest string) (Step, error) {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case rest == "" && proto != FWKNOP:
		return Step{}, errors.New("nothing after " + proto.String() + ":")
	case strings.ContainsFunc(rest, control) || len(rest) > maxText:
		return Step{}, errors.New("too long after " + proto.String() + ":, or a control character")
	}
	return Step{Proto: proto, Text: rest}, nil
}
