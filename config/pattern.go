package config

import (
	"strings"

	"knockpipe/internal/match"
)

// maxPattern is the longest pattern of a list that ssh compares; a longer one
// makes the list match nothing.
const maxPattern = 1022

// matchList reports whether s matches a list of patterns separated by commas.
// A pattern after '!' that matches decides against the list, wherever it stands.
func matchList(s, list string) bool {
	matched := false
	for more := true; more; {
		var pattern string
		pattern, list, more = strings.Cut(list, ",")
		pattern, negated := strings.CutPrefix(pattern, "!")
		switch {
		case len(pattern) > maxPattern:
			return false
		case !match.Wildcard(pattern, s):
		case negated:
			return false
		default:
			matched = true
		}
	}
	return matched
}

// matchHostList is matchList for host names, in which case does not count.
func matchHostList(host, list string) bool {
	return matchList(lowerASCII(host), lowerASCII(list))
}

// matchHostLine reports whether name matches the patterns of a Host line: one
// of them and none of those after a '!'. Here case counts and a comma is data.
// An empty pattern is what ssh refuses.
func matchHostLine(name string, patterns []word) bool {
	matched := false
	for _, w := range patterns {
		pattern, negated := strings.CutPrefix(w.text, "!")
		switch {
		case w.text == "":
			return false
		case !match.Wildcard(pattern, name):
		case negated:
			return false
		default:
			matched = true
		}
	}
	return matched
}
