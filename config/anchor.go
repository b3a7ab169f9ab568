package config

import (
	"errors"
	"path/filepath"
	"strings"

	"knockpipe/knock"
)

// anchor ties a sequence to the file in which it stands: whether it may do there
// what it asks for, and where its relative paths start.
func (s *Settings) anchor(kw keyword, v value, home string) error {
	var seq knock.Sequence
	switch kw {
	case kwKnock:
		seq = s.Knock
	case kwKnockClose:
		seq = s.KnockClose
	}
	for i := range seq {
		switch step := &seq[i]; step.Proto {
		case knock.Exec:
			if v.comment {
				return errors.New("exec: runs a program, which a comment must not: write it as a plain keyword")
			}
			if v.exposed {
				return errors.New("exec: runs a program, and others can write to this file")
			}
		case knock.Once:
			if kw == kwKnockClose {
				return errors.New("once: a list opens a door, and shuts none")
			}
			step.Text = Path(step.Text, filepath.Dir(v.origin.File), home)
		}
	}
	return nil
}

// Path returns the path that a setting names: "~/name" is in the home folder, and
// a relative path starts at folder.
func Path(path, folder, home string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(home, rest)
	}
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}
