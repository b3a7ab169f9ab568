//go:build linux

package e2e

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestLogTogether lets fifty processes write to one log at once. Every line is whole and
// has its time and pid, and the lines of each process are those on its stderr.
func TestLogTogether(t *testing.T) {
	t.Parallel()
	const processes = 50
	l := lab.New(t)
	l.Server.NftFile(t, "examples/nftables.conf")
	l.Server.Banner(t, 22)
	path := filepath.Join(t.TempDir(), "log")
	start := time.Now().Truncate(time.Millisecond)
	var wg sync.WaitGroup
	said := make([]string, processes)
	for i := range processes {
		cmd := knockpipe(t, l, "-vv -E "+path+" 198.51.100.2 22 "+sequence)
		wg.Go(func() {
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if _, err := cmd.Output(); err != nil {
				t.Errorf("%v: %s", err, &stderr)
			}
			said[i] = strings.ReplaceAll(stderr.String(), "knockpipe: ", "")
		})
	}
	wg.Wait()
	end := time.Now()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the log has mode %v, %v, want 0600", info.Mode(), err)
	}
	logged := make(map[string]string) // by pid
	line := regexp.MustCompile(`^(20\S+) knockpipe\[(\d+)\]: (.+\n)$`)
	for text := range bytes.Lines(text) {
		m := line.FindSubmatch(text)
		if m == nil {
			t.Errorf("not a whole line: %q", text)
			continue
		}
		at, err := time.Parse(time.RFC3339, string(m[1]))
		if err != nil || at.Before(start) || at.After(end) {
			t.Errorf("%q is of %v, %v, want a time between %v and %v", text, at, err, start, end)
		}
		logged[string(m[2])] += string(m[3])
	}
	got := slices.Sorted(maps.Values(logged))
	slices.Sort(said)
	if !slices.Equal(got, said) {
		t.Errorf("the log has of each process\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(said, "\n"))
	}
}
