package once

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpen(t *testing.T) {
	tests := []struct{ name, text, want string }{ // the unused sequences, or the error
		{"empty", "", "error: every sequence is used"},
		{"used up", "# comment\n#7001,7002\n#001,7002\n\n", "error: every sequence is used"},
		{"bad line", " 7001,7002\n 7001,x\n", "error: line 2: knock 1 of 1: unknown option after the comma"},
		{"no ports", "exec:true\n", "error: line 1: a sequence of ports is needed"},
		{"some left", "# comment\n#7001,7002\n 7003,7004:udp\n7005 7006\n", "7003 udp:7004, 7005 7006"},
		{"no end of line", " 7003", "7003"},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Open(path)
		var got []string
		if err != nil {
			got = []string{"error: " + err.Error()}
		} else {
			for i := range l.Left() {
				got = append(got, l.Sequence(i).String())
			}
			l.Close()
		}
		if got := strings.Join(got, ", "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestStrike strikes as knockd does: the length of the file stays.
func TestStrike(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte("# x\n 1,2\n3,4\n 5,6\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		n    int
		want string
	}{{1, "# x\n#1,2\n3,4\n 5,6\n"}, {0, "# x\n#1,2\n3,4\n 5,6\n"}, {2, "# x\n#1,2\n#,4\n#5,6\n"}} {
		l, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); !errors.Is(err, ErrBusy) {
			t.Errorf("Open of a list in use = %v, want %v", err, ErrBusy)
		}
		if err := l.Strike(tt.n); err != nil {
			t.Fatal(err)
		}
		l.Close()
		if got, err := os.ReadFile(path); err != nil || string(got) != tt.want {
			t.Errorf("after %d: got %q, %v, want %q", tt.n, got, err, tt.want)
		}
	}
	if _, err := Open(path); !errors.Is(err, ErrUsedUp) {
		t.Errorf("Open = %v, want %v", err, ErrUsedUp)
	}
}

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	if err := Write(path, 100); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	seen := make(map[string]bool)
	for i := range l.Left() {
		seq := l.Sequence(i)
		if len(seq) != 4 || seen[seq.String()] {
			t.Errorf("sequence %d has %d knocks, or is not new", i, len(seq))
		}
		seen[seq.String()] = true
	}
	if l.Left() != 100 {
		t.Errorf("%d sequences, want 100", l.Left())
	}
	if err := Write(path, 1); err == nil {
		t.Error("Write over a list = nil, want an error")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("# x\n 1,2\n3,4:udp\n#5\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		left, err := parse(text)
		for _, e := range left {
			if err != nil || len(e.seq) == 0 || text[e.offset] == '#' {
				t.Errorf("%q: got %v, %v", text, e, err)
			}
		}
	})
}
