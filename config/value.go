package config

import (
	"errors"
	"fmt"
)

// maxKnockLine is how long, in bytes, the value of a Knock keyword may be.
const maxKnockLine = 64 << 10

// A value is the value that a line gives a keyword.
type value struct {
	origin Origin
	text   string
	offset int // the byte of the line, from 0, at which text begins

	comment bool // the line is a comment
	exposed bool // others can write to its file, or to one that includes it
}

func (v *value) isSet() bool { return v.origin.Line > 0 || v.text != "" }

// values has the first value of each keyword.
type values [numKeywords]value

// words splits a value. A HostName and a User have been split already.
func (v value) words(kw keyword) ([]word, error) {
	if kw == kwHostName || kw == kwUser {
		return []word{{text: v.text}}, nil
	}
	if len(v.text) > maxKnockLine {
		return nil, errors.New("longer than 64 KiB")
	}
	words, ok := appendWords(nil, v.text)
	switch {
	case !ok:
		return nil, errors.New("unbalanced quotes")
	case len(words) == 0:
		return nil, errors.New("missing value")
	case len(words) > 1 && kw != kwKnock && kw != kwKnockClose:
		return nil, &wordError{words[1].offset, errors.New("more than one value")}
	case len(words) > 1:
		for _, w := range words {
			if equalFold(w.text, "none") {
				return nil, &wordError{w.offset, errors.New("none cannot be combined with knocks")}
			}
		}
	}
	return words, nil
}

// A wordError says what is wrong with one word.
type wordError struct {
	offset int // the byte of the value at which the word begins
	err    error
}

func (e *wordError) Error() string { return e.err.Error() }

// wrong says where a value is wrong.
func (v value) wrong(kw keyword, err error) error {
	e := &Error{v.origin, v.offset + 1, fmt.Errorf("%v: %w", kw, err)}
	var w *wordError
	if errors.As(err, &w) {
		e.Column += w.offset
	}
	return e
}
