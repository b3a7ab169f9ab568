// Package match compares strings with patterns as ssh does: in its config, in an
// Include and in known_hosts.
package match

import "strings"

// Wildcard reports whether s matches a pattern in which '*' stands for any number of
// bytes and '?' for exactly one.
func Wildcard(pattern, s string) bool { return Stars(pattern, s, nil) }

// Stars reports whether s matches a pattern in which '*' stands for any number of bytes.
// The func one decides about the rest: it reports whether the byte c matches the
// beginning of the pattern, which is not empty, and how long that beginning is. If one is
// nil, the rest is as in [Wildcard]. Stars compares at most len(s) times len(pattern)
// bytes.
func Stars(pattern, s string, one func(pattern string, c byte) (n int, ok bool)) bool {
	i, j := 0, 0
	star, mark := -1, 0 // the last '*', and where in s what follows it was tried
	for i < len(s) {
		switch {
		case j == len(pattern):
		case pattern[j] == '*':
			star, mark = j, i
			j++
			continue
		case one == nil: // a call for each byte would take twice as long
			if pattern[j] == s[i] || pattern[j] == '?' {
				i++
				j++
				continue
			}
		default:
			if n, ok := one(pattern[j:], s[i]); ok {
				i++
				j += n
				continue
			}
		}
		if star < 0 {
			return false
		}
		mark++
		i, j = mark, star+1
	}
	return strings.Trim(pattern[j:], "*") == ""
}
