package once_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"knockpipe/internal/file"
	"knockpipe/knock"
	"knockpipe/knock/once"
)

// check is what a sequence is.
func check(words []string) error {
	_, err := knock.Parse(words)
	return err
}

// parsed is the nth unused sequence.
func parsed(t *testing.T, l *once.List, n int) knock.Sequence {
	t.Helper()
	seq, err := knock.Parse(l.Words(n))
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func TestOpen(t *testing.T) {
	tests := []struct{ name, text, want string }{ // the unused sequences, or the error
		{"empty", "", "error: every sequence has been used"},
		{"used up", "# comment\n#7001,7002\n#001,7002\n\n", "error: every sequence has been used"},
		{"bad line", " 7001,7002\n 7001,x\n", "error: line 2: knock 1 of 1: unknown option after the comma"},
		{"some left", "# comment\n#7001,7002\n 7003,7004:udp\n7005 7006\n", "7003 udp:7004, 7005 7006"},
		{"no end of line", " 7003", "7003"},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := once.Open(path, check)
		var got []string
		if err != nil {
			got = []string{"error: " + err.Error()}
		} else {
			for i := range l.Left() {
				got = append(got, parsed(t, l, i).String())
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
		l, err := once.Open(path, check)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := once.Open(path, check); !errors.Is(err, file.ErrBusy) {
			t.Errorf("Open of a list in use = %v, want %v", err, file.ErrBusy)
		}
		if err := l.Strike(tt.n); err != nil {
			t.Fatal(err)
		}
		l.Close()
		if got, err := os.ReadFile(path); err != nil || string(got) != tt.want {
			t.Errorf("after %d: got %q, %v, want %q", tt.n, got, err, tt.want)
		}
	}
	if _, err := once.Open(path, check); !errors.Is(err, once.ErrUsedUp) {
		t.Errorf("Open = %v, want %v", err, once.ErrUsedUp)
	}
}

// TestAhead marks what was sent, if the line has room, and looks further ahead.
func TestAhead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte(" 1,2\n 3,4\n5,6\n 7,8\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		sent, strike, ahead int
		want                string
	}{
		{0, 0, 1, "\t1,2\n 3,4\n5,6\n 7,8\n"},
		{1, 0, 1, "\t1,2\n\t3,4\n5,6\n 7,8\n"},
		{2, 0, 2, "\t1,2\n\t3,4\n5,6\n 7,8\n"},
		{0, 1, 2, "#1,2\n\t3,4\n5,6\n 7,8\n"},
		{9, 3, 1, "#1,2\n#3,4\n#,6\n#7,8\n"},
	} {
		l, err := once.Open(path, check)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Ahead(); got != tt.ahead {
			t.Errorf("%+v: got %d ahead, want %d", tt, got, tt.ahead)
		}
		if err := l.Sent(tt.sent); err != nil {
			t.Fatal(err)
		}
		if err := l.Strike(tt.strike); err != nil {
			t.Fatal(err)
		}
		l.Close()
		if got, err := os.ReadFile(path); err != nil || string(got) != tt.want {
			t.Errorf("%+v: got %q, %v, want %q", tt, got, err, tt.want)
		}
	}
}

// TestShared refuses a list that others can read or write, and does not change it.
func TestShared(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipping, as Windows has no modes")
	}
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte(" 1,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o604, 0o602, 0o640, 0o620, 0o644, 0o600} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		l, err := once.Open(path, check)
		if mode == 0o600 && err != nil || mode != 0o600 && (err == nil || !strings.Contains(err.Error(), "chmod 600")) {
			t.Errorf("mode %o: got %v", mode, err)
		}
		if err == nil {
			l.Close()
		}
	}
}

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	if err := once.Write(path, 1000); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
	l, err := once.Open(path, check)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	seen := make(map[string]bool)
	for i := range l.Left() {
		seq := parsed(t, l, i)
		ascending, last := true, uint16(0)
		for j, step := range seq {
			port, ok := step.(knock.TCP)
			if !ok || port.Port < 1024 {
				t.Errorf("sequence %d has %v at place %d", i, step, j)
			}
			ascending = ascending && last < port.Port
			last = port.Port
		}
		if len(seq) != 4 || seen[seq.String()] || ascending {
			t.Errorf("sequence %d is %v: not four knocks, or not new, or a port scan sends it", i, seq)
		}
		seen[seq.String()] = true
	}
	if l.Left() != 1000 {
		t.Errorf("%d sequences, want 1000", l.Left())
	}
	if err := once.Write(path, 1); err == nil {
		t.Error("Write over a list = nil, want an error")
	}
}
