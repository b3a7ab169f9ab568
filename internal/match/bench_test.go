package match_test

import (
	"strings"
	"testing"

	"knockpipe/internal/match"
)

func BenchmarkWildcard(b *testing.B) {
	for _, bb := range []struct {
		name, pattern, s string
		want             bool
	}{
		{"another name", "host123", "web1.example.org", false},
		{"same name", "web1.example.org", "web1.example.org", true},
		{"star", "*.example.org", "web1.example.org", true},
		{"many stars", strings.Repeat("*a", 500) + "b", strings.Repeat("a", 1000), false},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				if got := match.Wildcard(bb.pattern, bb.s); got != bb.want {
					b.Fatalf("got %v, want %v", got, bb.want)
				}
			}
		})
	}
}
