package knock

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"knockpipe/internal/file"
	"knockpipe/knock/once"
)

var addr = netip.MustParseAddr("198.51.100.2")

// listOf makes a list, and the source that it is.
func listOf(t *testing.T, text string) (path string, s *onceSource) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := Sequence{Once{path}}.Source()
	if err != nil {
		t.Fatal(err)
	}
	return path, source.(*onceSource)
}

// TestSourceBad has lists that cannot be used.
func TestSourceBad(t *testing.T) {
	for _, tt := range []struct{ name, text, want, hint string }{
		{"used up", "#1,2\n", "every sequence has been used", newListHint},
		{"no ports", "exec:true\n", "line 1: not a sequence of ports", ""},
		{"a pause", " 1,2\n 1 pause:2 3\n", "line 2: not a sequence of ports", ""},
		{"no sequence", " 1,x\n", "line 1: knock 1 of 1: unknown option after the comma", ""},
	} {
		path := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Sequence{Once{path}}.Source()
		if want := "once:" + path + ": " + tt.want; err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %v", tt.name, err, want)
		}
		var hint HintError
		if h, ok := errors.AsType[*HintError](err); ok {
			hint = *h
		}
		if hint.Hint != tt.hint {
			t.Errorf("%s: got the hint %q, want %q", tt.name, hint.Hint, tt.hint)
		}
	}
	_, err := Sequence{Once{"/none/list"}}.Source()
	if want := "once:/none/list: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

// TestSourceAlways sends the same sequence again and again.
func TestSourceAlways(t *testing.T) {
	seq := Sequence{TCP{Port: 1}, UDP{Port: 2, Payload: "x"}}
	s, err := seq.Source()
	if err != nil {
		t.Fatal(err)
	}
	for try := range 3 {
		if got, err := s.Next(t.Context(), addr, try+1); err != nil || got.String() != seq.String() {
			t.Errorf("got %v, %v, want %v", got, err, seq)
		}
	}
	if warning := s.Opened(addr, 3); warning != "" {
		t.Errorf("got the warning %q", warning)
	}
	if left, hint := s.Supply(); left != "" || hint != "" {
		t.Errorf("got a supply of %q, %q, want none", left, hint)
	}
}

// TestOnceOrder looks at what is sent from a list, try by try, and at what is struck
// for a connect that came after each of them. A try that did not leave this machine
// does not count.
func TestOnceOrder(t *testing.T) {
	tests := []struct {
		name, list, fails string // the tries that fail, as digits
		want              string // the first port of each try
		struck            []int  // for a connect after each try that did not fail
	}{
		{"new", " 1\n 2\n 3\n 4\n", "", "112111", []int{1, 1, 2, 1, 1, 1}},
		{"sent before", "\t1\n\t2\n 3\n 4\n", "", "112311", []int{1, 1, 2, 3, 1, 1}},
		{"a failure", " 1\n 2\n 3\n 4\n", "1", "111211", []int{1, 1, 2, 1, 1}},
		{"a failure ahead", " 1\n 2\n 3\n 4\n", "2", "112211", []int{1, 1, 2, 1, 1}},
		{"the last one", " 4\n", "", "444444", []int{1, 1, 1, 1, 1, 1}},
	}
	for _, tt := range tests {
		for winner := range tt.struck {
			path, s := listOf(t, tt.list)
			got, left := "", 0
			for n := range len(tt.want) {
				seq, err := s.Next(t.Context(), addr, left+1)
				if err != nil {
					t.Fatal(err)
				}
				got += seq.String()
				if !strings.Contains(tt.fails, string(rune('0'+n))) {
					left++
				}
			}
			if got != tt.want {
				t.Errorf("%s: sent %s, want %s", tt.name, got, tt.want)
			}
			s.Opened(addr, winner+1)
			text, _ := os.ReadFile(path)
			if struck := strings.Count(string(text), "#"); struck != tt.struck[winner] {
				t.Errorf("%s: struck %d for try %d, want %d: %q", tt.name, struck, winner+1, tt.struck[winner], text)
			}
			if list, err := once.Open(path, checkOnce); err == nil {
				list.Close()
			} else if !errors.Is(err, once.ErrUsedUp) {
				t.Errorf("%s: not free again: %v", tt.name, err)
			}
		}
	}
}

// TestOnceOver spends nothing once the race for the door is over.
func TestOnceOver(t *testing.T) {
	path, s := listOf(t, " 1,2\n 3,4\n")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if seq, err := s.Next(over, addr, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v, want %v", seq, err, context.Canceled)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != " 1,2\n 3,4\n" {
		t.Errorf("then the list is %q, %v", text, err)
	}
}

// TestOnceWarns warns once when few are left, whatever number is skipped, and when knockd
// would crash at the next one.
func TestOnceWarns(t *testing.T) {
	for _, tt := range []struct {
		left, struck int
		want         string
	}{
		{8, 1, ""},
		{6, 1, "5 sequences are left"},
		{6, 2, "4 sequences are left"},
		{5, 1, ""},
		{2, 1, "1 sequence is left, and knockd 0.8 crashes when the last one is used: make a new list with knockpipe -once 100 FILE and copy it to the server"},
		{1, 1, "no sequence is left: make a new list with knockpipe -once 100 FILE and copy it to the server"},
	} {
		path, s := listOf(t, strings.Repeat(" 1,2\n", tt.left))
		if _, err := s.Next(t.Context(), addr, 1); err != nil {
			t.Fatal(err)
		}
		got := strings.TrimPrefix(s.Opened(addr, tt.struck+max(tt.struck-1, 0)), "once:"+path+": ")
		if got != tt.want {
			t.Errorf("%d of %d struck: got %q, want %q", tt.struck, tt.left, got, tt.want)
		}
	}
}

// TestOnceEnds releases the list after any session, and strikes nothing if nothing was
// opened.
func TestOnceEnds(t *testing.T) {
	for name, end := range map[string]func(*onceSource){
		"failed":    func(s *onceSource) { s.Failed() },
		"open":      func(s *onceSource) { s.Opened(addr, 0) },
		"not begun": func(s *onceSource) { s.Failed() },
	} {
		path, s := listOf(t, " 1,2\n")
		if name != "not begun" {
			if _, err := s.Next(t.Context(), addr, 1); err != nil {
				t.Fatal(err)
			}
			if _, err := once.Open(path, checkOnce); !errors.Is(err, file.ErrBusy) {
				t.Errorf("%s: in a session, Open = %v, want %v", name, err, file.ErrBusy)
			}
		}
		end(s)
		list, err := once.Open(path, checkOnce)
		if err != nil || list.Left() != 1 {
			t.Errorf("%s: got %v, %v, want the whole list", name, list, err)
			continue
		}
		list.Close()
	}
}

// TestOnceSupply tells of a list that is nearly at its end, or in use.
func TestOnceSupply(t *testing.T) {
	for _, tt := range []struct {
		lines      int
		left, hint string
	}{{1, "1 sequence left", newListHint}, {5, "5 sequences left", newListHint}, {6, "6 sequences left", ""}} {
		_, s := listOf(t, strings.Repeat(" 1,2\n", tt.lines))
		if left, hint := s.Supply(); left != tt.left || hint != tt.hint {
			t.Errorf("%d lines: got %q, %q, want %q, %q", tt.lines, left, hint, tt.left, tt.hint)
		}
	}
	path, s := listOf(t, " 1,2\n")
	if _, err := s.Next(t.Context(), addr, 1); err != nil {
		t.Fatal(err)
	}
	defer s.Failed()
	other, err := Sequence{Once{path}}.Source()
	if err != nil {
		t.Fatal(err)
	}
	if left, hint := other.Supply(); left != "in use by another process" || hint == "" {
		t.Errorf("in use: got %q, %q", left, hint)
	}
}
