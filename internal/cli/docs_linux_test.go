package cli

import (
	"os/exec"
	"strings"
	"testing"

	"knockpipe/internal/lab"
)

// TestManual has mandoc judge the manual. Which other manuals this machine has is no
// fault of it.
func TestManual(t *testing.T) {
	lab.Need(t, "mandoc")
	for _, page := range manual {
		out, err := exec.Command("mandoc", "-T", "lint", "../../"+page).Output()
		if err != nil && len(out) == 0 {
			t.Fatal(err)
		}
		for message := range strings.Lines(string(out)) {
			if !strings.Contains(message, "referenced manual not found") {
				t.Error(strings.TrimSpace(message))
			}
		}
	}
}
