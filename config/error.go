package config

import (
	"errors"
	"fmt"
	"strings"
)

// An Error is a line that cannot be used. It never shows a sequence.
type Error struct {
	Origin Origin
	Column int // from 1; 0 if it is about the whole line
	Err    error
}

// Error returns file:line:column and what is wrong there.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Origin.File)
	for _, n := range []int{e.Origin.Line, e.Column} {
		if n > 0 {
			fmt.Fprintf(&b, ":%d", n)
		}
	}
	return b.String() + ": " + e.Err.Error()
}

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// unknownKeyword returns the error for a keyword that is unknown in its file, or nil if
// ssh has to complain about it.
func unknownKeyword(at *position, name string) error {
	ours := len(name) > 5 && equalFold(name[:5], "knock")
	if at.source.kind == sshFile || at.source.kind == givenFile && !ours {
		return nil
	}
	err := &Error{at.here, 0, errors.New("unknown keyword")}
	kw := nearestKeyword(name)
	// Anything that is not a word, or that begins like one of ours, may have a step
	// attached to it.
	if len(name) <= 64 && letters(strings.TrimSuffix(name, ":")) && (kw != kwNone || !ours) {
		err.Err = fmt.Errorf("%w %q", err.Err, name)
	}
	if kw != kwNone {
		err.Err = fmt.Errorf("%w: did you mean %v?", err.Err, kw)
	}
	return err
}

// letters reports whether s is one ASCII word.
func letters(s string) bool {
	for i := range len(s) {
		if c := lower(s[i]); c < 'a' || 'z' < c {
			return false
		}
	}
	return s != ""
}
