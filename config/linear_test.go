package config_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"knockpipe/config"
)

// blocks repeats a block, in which '@' becomes a number.
func blocks(n int, block string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(block, "@", strconv.Itoa(i)))
	}
	return b.String()
}

// TestLinear reads eight times as much: the time must not grow with the square. It
// compares only relative times and repeats slow measurements, of which the quickest
// counts, so that a busy machine does not matter.
func TestLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("skipping, as it takes seconds")
	}
	tests := []struct {
		name string
		text func(n int) string
	}{
		{"lines", func(n int) string { return strings.Repeat("# Knock: 1 2\n", n) }},
		{"blocks", func(n int) string { return strings.Repeat("Host a b\nPort 1\n# Knock: 1\n", n/4) }},
		{"one comment", func(n int) string { return "# Knock: " + strings.Repeat("x", 10*n) }},
		{"one comment of prose", func(n int) string { return "# Knock " + strings.Repeat("1", 10*n) }},
		{"blanks", func(n int) string { return "# Knock:" + strings.Repeat(" ", 10*n) + "1" }},
		{"words", func(n int) string { return "Host " + strings.Repeat("a ", 4*n) }},
		{"quotes", func(n int) string { return "Host " + strings.Repeat("\"", 10*n) }},
		{"backslashes", func(n int) string { return "Host " + strings.Repeat("\\", 10*n) }},
		{"stars", func(n int) string { return "Host " + strings.Repeat("*a", 4*n) }},
		{"list", func(n int) string { return "Match host " + strings.Repeat("*a,", 4*n) }},
		{"criteria", func(n int) string { return "Match " + strings.Repeat("host a ", n) }},
		{"IgnoreUnknown", func(n int) string { return strings.Repeat("IgnoreUnknown a\n", n) }},
		{"notes", func(n int) string { return strings.Repeat("Match exec a\n# Knock: 1\n", n/8) }},
		{"aliases", func(n int) string { return strings.Repeat("Host a b\nHostName web\n# Knock: 1\n", n/4) }},
		{"other aliases", func(n int) string { return blocks(n/4, "Host a@ b@\nHostName web\n# Knock: 1\n") }},
		{"aliases of patterns", func(n int) string { return blocks(n/4, "Host a@ b@*\nHostName web\n# Knock: 1\n") }},
		{"path", func(n int) string { return "Include " + strings.Repeat("a/", n/4) + "*" }},
		{"host name", func(n int) string {
			return "HostName " + strings.Repeat("a", n/16) + "\nMatch host " + strings.Repeat("*b,", n/16)
		}},
		{"environment", func(n int) string { return "Include " + strings.Repeat("x${A}", n/4) }},
	}
	for _, tt := range tests {
		took := func(n int) time.Duration {
			h := newHome(t, map[string]string{"config": tt.text(n)})
			start := time.Now()
			h.Load(config.Query{Name: "web"})
			return time.Since(start)
		}
		const n = 1 << 14
		part, whole := took(n), took(8*n)
		// Eight times the text: linear is 8, the square is 64.
		bad := func() bool { return whole > 24*part && whole > 20*time.Millisecond }
		for range 30 { // on a busy machine, few are undisturbed
			if bad() {
				part, whole = min(part, took(n)), min(whole, took(8*n))
			}
		}
		text := fmt.Sprintf("%s: %d took %v and %d took %v, %.1f times as long", tt.name, n, part, 8*n, whole, float64(whole)/float64(part))
		if bad() {
			t.Error(text)
		} else {
			t.Log(text)
		}
	}
}

// TestManyStars compares many names with patterns of a thousand stars and others that are
// slow to match. It has to return in time.
func TestManyStars(t *testing.T) {
	files := map[string]string{}
	for i := range 200 {
		files[fmt.Sprintf("%s%03d", strings.Repeat("[", 200), i)] = "Knock 1\n"
	}
	for _, pattern := range []string{
		strings.Repeat("*[", 1000) + "x", strings.Repeat("*a", 1000) + "x", strings.Repeat("*", 1000) + "x",
		"*" + strings.Repeat("[", 100) + strings.Repeat("a", 3800), "*" + strings.Repeat("["+strings.Repeat("[a", 1000)+"]", 2) + "x",
	} {
		files["config"] = "Host " + pattern + "\n\tKnock 1\nHost *\nInclude " + pattern + "\n"
		h := newHome(t, files)
		if s, err := h.Load(query("web", "")); err != nil || len(s.Knock) > 0 {
			t.Errorf("%.20q: got %v, %v, want no match", pattern, s, err)
		}
	}
}
