package config

import "strings"

// What ssh strips between the keyword and its value, and at the end of a line.
const (
	blanks      = " \t\r\n"
	endOfLine   = blanks + "\f"
	wordEnds    = blanks + "\"="
	commentMark = '#'
)

// cutKeyword splits a line into its keyword and its value as ssh does: blanks,
// one '=' or a pair of quotes end the keyword. The value is a suffix of the
// line. There is no keyword on an empty line, on a comment, and on one whose
// first quote is never closed, which ssh passes over.
func cutKeyword(line string) (keyword, value string, ok bool) {
	keyword, value, ok = cutDelim(line)
	if ok && keyword == "" { // what stood first were blanks or one '='
		keyword, value, ok = cutDelim(value)
	}
	if !ok || keyword == "" || keyword[0] == commentMark {
		return "", "", false
	}
	return keyword, strings.TrimLeft(value, blanks), true
}

// cutDelim returns what stands before the first delimiter and what follows it
// (misc.c, strdelim). It reports false where a quote is not closed.
func cutDelim(s string) (token, rest string, ok bool) {
	i := 0
	for i < len(s) && strings.IndexByte(wordEnds, s[i]) < 0 {
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
		return s[:i] + inner, strings.TrimLeft(rest, blanks), true
	case '=':
		return s[:i], strings.TrimLeft(s[i+1:], blanks), true
	default:
		rest := strings.TrimLeft(s[i+1:], blanks)
		if strings.HasPrefix(rest, "=") {
			rest = strings.TrimLeft(rest[1:], blanks)
		}
		return s[:i], rest, true
	}
}

// trimEnd strips what ssh strips at the end of a line, and what a C string
// would not reach.
func trimEnd(line string) string {
	if i := strings.IndexByte(line, 0); i >= 0 {
		line = line[:i]
	}
	return strings.TrimRight(line, endOfLine)
}
