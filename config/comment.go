package config

import (
	"strings"

	"github.com/kevinburke/ssh_config"
)

// maxHead is how much of a comment, in bytes, the library is given: enough for
// the keyword and its colon, and not the rest, as it needs time in proportion to
// the square of a line's length.
const maxHead = 256

// mayHoldKnock reports whether a line that begins with '#' is worth a closer
// look. This alone decides for almost all comments of a file.
func mayHoldKnock(comment string) bool {
	const prefix = "knock"
	text := strings.TrimLeft(comment[1:], " \t")
	return len(text) > len(prefix) && equalFold(text[:len(prefix)], prefix)
}

// hasColon reports whether the first word of a comment ends with a colon.
func hasColon(comment string) bool {
	before, _, found := strings.Cut(comment[1:], ":")
	return found && !strings.ContainsAny(strings.Trim(before, " \t"), " \t")
}

// A magicComment is a keyword in a comment. The colon tells it from prose.
type magicComment struct {
	keyword keyword // kwNone if the comment is prose
	value   string
	colon   bool // without one it is prose, though it may not be meant so
}

// parseComment reads a line that begins with '#'. The library parses it into its
// node and says where its text begins; the text is then taken from the line
// itself, because the library would replace bytes that are not UTF-8.
func parseComment(line string) magicComment {
	file, err := ssh_config.DecodeBytes([]byte(line[:min(len(line), maxHead)]))
	if err != nil || len(file.Hosts[0].Nodes) == 0 {
		return magicComment{}
	}
	comment, ok := file.Hosts[0].Nodes[0].(*ssh_config.Empty)
	if !ok {
		return magicComment{}
	}
	text := strings.TrimLeft(line[comment.Pos().Col-1:], " \t")
	n := 0
	for n < len(text) && 'a' <= lower(text[n]) && lower(text[n]) <= 'z' {
		n++
	}
	m := magicComment{keyword: findKeyword(text[:n])}
	if !m.keyword.isKnock() {
		return magicComment{}
	}
	m.value, m.colon = strings.CutPrefix(strings.TrimLeft(text[n:], " \t"), ":")
	m.value = strings.TrimLeft(m.value, blanks)
	return m
}
