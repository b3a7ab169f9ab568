package config

import (
	"strings"

	"github.com/kevinburke/ssh_config"
)

// maxHead is how many bytes of a comment the library gets: enough for the keyword and its
// colon, but not the rest, because the library's time grows with the square of a line's
// length.
const maxHead = 256

// A comment is one that may hold a keyword. The colon distinguishes it from prose.
type comment struct {
	keyword keyword // kwNone if the comment is prose
	value   string
	colon   bool // without one it is prose, though it may not be meant so
}

// mayHoldKnock reports whether a line that begins with '#' is worth a closer
// look. Almost all comments of a file are not.
func mayHoldKnock(line string) bool {
	const prefix = "knock"
	text := strings.TrimLeft(line[1:], " \t")
	return len(text) > len(prefix) && equalFold(text[:len(prefix)], prefix)
}

// mayNearlyHoldKnock is mayHoldKnock for a keyword that is misspelt.
func mayNearlyHoldKnock(line string) bool {
	text := strings.TrimLeft(line[1:], " \t")
	return text != "" && lower(text[0]) == 'k' && hasColon(line)
}

// trailingComment returns the comment that ssh ignores at the end of a value, or "" if
// there is none.
func trailingComment(value string) string {
	for i := 0; i < len(value); {
		switch value[i] {
		case commentMark:
			return value[i:]
		case ' ', '\t':
			i++
			continue
		}
		_, end, ok := cutWord(value, i)
		if !ok {
			break
		}
		i = end
	}
	return ""
}

// hasColon reports whether the first word of a comment ends with a colon.
func hasColon(line string) bool {
	before, _, found := strings.Cut(line[1:], ":")
	return found && !strings.ContainsAny(strings.Trim(before, " \t"), " \t")
}

// parseComment reads a line that begins with '#'. The library finds where the text
// of the comment begins. The text itself comes from the line, because the library
// would replace bytes that are not UTF-8.
func parseComment(line string) comment {
	file, err := ssh_config.DecodeBytes([]byte(line[:min(len(line), maxHead)]))
	if err != nil || len(file.Hosts[0].Nodes) == 0 {
		return comment{}
	}
	node, ok := file.Hosts[0].Nodes[0].(*ssh_config.Empty)
	if !ok {
		return comment{}
	}
	text := strings.TrimLeft(line[node.Pos().Col-1:], " \t")
	n := 0
	for n < len(text) && 'a' <= lower(text[n]) && lower(text[n]) <= 'z' {
		n++
	}
	c := comment{keyword: findKeyword(text[:n])}
	if !c.keyword.isKnock() {
		return comment{}
	}
	c.value, c.colon = strings.CutPrefix(strings.TrimLeft(text[n:], " \t"), ":")
	c.value = trimStart(c.value)
	return c
}
