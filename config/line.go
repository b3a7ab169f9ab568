package config

import "strings"

const commentMark = '#'

// A line is a parsed line of a file.
type line struct {
	kind    lineKind
	text    string  // of a comment
	indent  int     // bytes before its first character
	keyword keyword // kwNone if it is not one of those that are read
	name    string  // the keyword as it is written
	value   value
	colon   bool // of a comment: without one it is prose
}

// A lineKind is how a line is read.
type lineKind uint8

const (
	otherLine   lineKind = iota // nothing that could matter here
	proseLine                   // blank, or a comment that holds no keyword
	commentLine                 // a comment that begins as a Knock keyword does
	keywordLine
)

// parse reads text into l as far as it matters at this position. It leaves fields that
// the kind does not need unchanged, because it runs for every line of a large file.
func (at *position) parse(text string, l *line) {
	trimmed := trimStart(text)
	l.kind, l.keyword, l.text, l.indent = otherLine, kwNone, trimmed, len(text)-len(trimmed)
	switch {
	case trimmed == "":
		l.kind = proseLine
	case trimmed[0] == commentMark && mayHoldKnock(trimmed):
		l.kind, l.colon = commentLine, false
		if at.idle() {
			break
		}
		c := parseComment(trimEnd(trimmed))
		l.keyword, l.colon = c.keyword, c.colon
		l.value = value{origin: at.here, text: c.value, offset: strings.LastIndex(text, c.value), comment: true}
	case trimmed[0] == commentMark:
		l.kind = proseLine
	case at.source.kind == sshFile && !worthReading(trimmed[0], &at.block):
	default:
		text = trimEnd(text)
		name, argument, ok := cutKeyword(text)
		if !ok {
			break
		}
		l.kind, l.keyword, l.name = keywordLine, findKeyword(name), name
		l.value = value{origin: at.here, text: argument, offset: len(text) - len(argument), exposed: at.exposed}
	}
}

// marks reports whether the line is one for the outline.
func (l *line) marks() bool {
	return l.kind == keywordLine && (l.keyword == kwHost || l.keyword == kwMatch || l.keyword == kwInclude)
}

// worthReading reports whether a line of ssh's own file that begins with c can
// matter. It saves most of the work on a large file.
func worthReading(c byte, b *block) bool {
	switch lower(c) {
	case 'h', 'm', 'i', 'k', '"', '=':
		return true
	}
	return b.active && strings.IndexByte("abcpu", lower(c)) >= 0
}

// cutKeyword splits a line into its keyword and its value as ssh does: blanks, one '=' or
// a pair of quotes end the keyword. The value is a suffix of the line. Empty lines,
// comments, and lines whose first quote is never closed have no keyword; ssh ignores
// them.
func cutKeyword(line string) (keyword, value string, ok bool) {
	keyword, value, ok = cutDelim(line)
	if ok && keyword == "" { // what stood first were blanks or one '='
		keyword, value, ok = cutDelim(value)
	}
	if !ok || keyword == "" || keyword[0] == commentMark {
		return "", "", false
	}
	return keyword, trimStart(value), true
}

// cutDelim returns what stands before the first delimiter and what follows it
// (misc.c, strdelim). It reports false where a quote is not closed.
func cutDelim(s string) (token, rest string, ok bool) {
	i := 0
	for i < len(s) && !endsWord(s[i]) {
		i++
	}
	if i == len(s) {
		return s, "", true
	}
	switch s[i] {
	case '"': // the quotes go, and what they enclose ends the token
		inner, rest, closed := strings.Cut(s[i+1:], `"`)
		if !closed {
			return "", "", false
		}
		return s[:i] + inner, trimStart(rest), true
	case '=':
		return s[:i], trimStart(s[i+1:]), true
	default:
		rest := trimStart(s[i+1:])
		if strings.HasPrefix(rest, "=") {
			rest = trimStart(rest[1:])
		}
		return s[:i], rest, true
	}
}

// endsWord reports whether c is a delimiter. Neither it nor trimStart leaves that to
// package strings, which builds a set each time: a large file has thousands of lines.
func endsWord(c byte) bool { return isBlank(c) || c == '"' || c == '=' }

// isBlank reports whether c is one of the blanks that ssh strips between the keyword and
// its value, and at the end of a line.
func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// trimStart strips blanks.
func trimStart(s string) string {
	for s != "" && isBlank(s[0]) {
		s = s[1:]
	}
	return s
}

// trimEnd strips what ssh strips at the end of a line, and what a C string
// would not reach.
func trimEnd(line string) string {
	if i := strings.IndexByte(line, 0); i >= 0 {
		line = line[:i]
	}
	for line != "" && (isBlank(line[len(line)-1]) || line[len(line)-1] == '\f') {
		line = line[:len(line)-1]
	}
	return line
}
