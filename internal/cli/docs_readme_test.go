package cli

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestREADME has its table of contents lead to each section, and keeps it short enough to
// be read: what grows beyond that belongs in a manual. That each link has a heading is
// TestLinks' (internal/dist).
func TestREADME(t *testing.T) {
	text := document(t, "README.md")
	if got := strings.Count(text, "\n"); got > 250 {
		t.Errorf("got %d lines, want at most 250", got)
	}
	anchor := func(heading string) string {
		return strings.ReplaceAll(regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
	}
	contents := all(between(t, text, "**Contents:**", "\n\n"), `\]\(#([^)]*)\)`)
	var sections []string
	for _, heading := range all(text, `(?m)^## (.*)$`) {
		sections = append(sections, anchor(heading))
	}
	if !slices.Equal(contents, sections) {
		t.Errorf("the contents: got %v, want %v", contents, sections)
	}
}
