package config_test

import (
	"os"
	"strings"
	"testing"
)

// TestText has files that are not text, or barely. They are read to the end.
func TestText(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 1<<20)
	tests := []struct{ name, config, want string }{
		{"this program", string(program[:min(len(program), 1<<20)]) + "\nHost *\n# Knock: 1\n", "1"},
		{"NULs", strings.Repeat("\x00", 1<<20) + "\n# Knock: 1\n", "1"},
		{"no line at all", strings.Repeat("\x00", 1<<20), ""},
		{"long keyword", long + "\n# Knock: 1\n", "1"},
		{"long comment", "#" + long + "\n# Knock: 1\n", "1"},
		{"long prose", "# Knock" + long + "\n# Knock: 1\n", "1"},
		{"long Host", "Host " + long + "\n# Knock: 9\nHost " + strings.Repeat("a b ", 1<<18) + "web\n# Knock: 1\n", "1"},
		{"long Match", "Match host " + long + "\n# Knock: 9\nMatch host web\n# Knock: 1\n", "1"},
		{"long Include", "Include " + long + "\nInclude " + strings.Repeat("a/", 1<<12) + "*\n# Knock: 1\n", "1"},
		{"blanks", "#" + strings.Repeat(" ", 1<<20) + "Knock: 1\n", "1"},
		{"blanks in a value", "# Knock: 1" + strings.Repeat(" ", 1<<20) + "\n", "1"},
		{"many lines", strings.Repeat("\n", 1<<20) + "# Knock: 1\n", "1"},
	}
	for _, tt := range tests {
		h := newHome(t, map[string]string{"config": tt.config})
		if got := h.knockOf("web"); got != tt.want {
			t.Errorf("%s: got %.100q, want %q", tt.name, got, tt.want)
		}
	}
}
