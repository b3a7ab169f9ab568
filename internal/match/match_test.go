package match_test

import (
	"testing"

	"knockpipe/internal/match"
)

func TestWildcard(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "a", false},
		{"a", "", false},
		{"a", "b", false},
		{"a", "ab", false},
		{"ab", "a", false},
		{"?", "", false},
		{"a?", "a", false},
		{"*a", "b", false},
		{"a*b*c", "abb", false},
		{"*.example.org", "example.org", false},

		{"", "", true},
		{"*", "", true},
		{"**", "a", true},
		{"?", "*", true},
		{"a*b*c", "aXbbYbc", true},
		{"*aab", "aaaaab", true},
		{"web?.*", "web1.example.org", true},
	} {
		if got := match.Wildcard(tt.pattern, tt.s); got != tt.want {
			t.Errorf("Wildcard(%q, %q) = %v, want %v", tt.pattern, tt.s, got, tt.want)
		}
	}
}
