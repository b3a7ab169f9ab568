package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLastRun has clocks that are behind the last run.
func TestLastRun(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name, file string // empty is none
		want       string // the error, or the time to begin at
		kept       string
	}{
		{"no time", "x\n", "it does not hold the time of the last run", "x\n"},
		{"empty", "\n", "it does not hold the time of the last run", "\n"},
		{"an hour behind", fmt.Sprintln(now.Add(time.Hour).Unix()), "the clock says 2026-11-26 12:00:00 UTC, but the last run was at 2026-11-26 13:00:00 UTC", fmt.Sprintln(now.Add(time.Hour).Unix())},
		{"121 s behind", fmt.Sprintln(now.Add(121 * time.Second).Unix()), "the clock says 2026-11-26 12:00:00 UTC, but the last run was at 2026-11-26 12:02:01 UTC", fmt.Sprintln(now.Add(121 * time.Second).Unix())},
		{"a second behind", fmt.Sprintln(now.Add(time.Second).Unix()), "2026-11-26 12:00:01 UTC", fmt.Sprintln(now.Add(time.Second).Unix())},
		{"ahead", fmt.Sprintln(now.Add(-time.Hour).Unix()), "2026-11-26 12:00:00 UTC", fmt.Sprintln(now.Unix())},
		{"first", "", "2026-11-26 12:00:00 UTC", fmt.Sprintln(now.Unix())},
	}
	for _, tt := range tests {
		dir := filepath.Join(t.TempDir(), "knockpipe")
		path := filepath.Join(dir, "last-run")
		if tt.file != "" {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		from, err := keepLastRun(dir, now)
		got := utc(from)
		if err != nil {
			got = strings.TrimPrefix(err.Error(), "-tokens: "+path+": ")
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if kept, err := os.ReadFile(path); err != nil || string(kept) != tt.kept {
			t.Errorf("%s: the file holds %q, %v, want %q", tt.name, kept, err, tt.kept)
		}
		if left, _ := filepath.Glob(dir + "/*"); len(left) != 1 {
			t.Errorf("%s: left %q", tt.name, left)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keepLastRun(file, now); err == nil {
		t.Error("a time that cannot be kept is no error")
	}
}
