package config

import (
	"errors"
	"path/filepath"

	"knockpipe/knock"
)

// anchor ties the sequences of a keyword to the file in which they stand.
func (s *Settings) anchor(kw keyword, v value, home string) (err error) {
	switch kw {
	case kwKnock:
		s.Knock, err = v.anchor(s.Knock, false, home)
	case kwKnockClose:
		s.KnockClose, err = v.anchor(s.KnockClose, true, home)
	}
	return err
}

// anchor checks whether a sequence may do what it asks for in its file, and makes its
// paths relative to that file's directory.
func (v value) anchor(seq knock.Sequence, closing bool, home string) (knock.Sequence, error) {
	for _, step := range seq {
		switch f := step.Facts(); {
		case f.Runs && v.comment:
			return nil, errors.New(step.Kind() + ": a comment must not run a program: write it as a plain keyword")
		case f.Runs && v.exposed:
			return nil, errors.New(step.Kind() + ": not run, because others can write to this file or to one that includes it")
		case f.Spent && closing:
			return nil, errors.New(step.Kind() + ": a one-time list cannot close a door")
		}
	}
	return seq.At(filepath.Dir(v.origin.File), home), nil
}
