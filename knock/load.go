package knock

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Env is what a step may need to know about the process and its user.
type Env struct {
	Host    string          // that is connected to
	Name    string          // of the host, as the user typed it
	Home    string          // the user's home folder; empty if it is not known
	Environ func() []string // the environment
	Stderr  *os.File        // where a program that knocks writes to
}

// Load returns the sequence ready to be sent, with the secrets from the files that its
// steps name and the environment of programs. An error is about a file and shows no
// secret.
func (s Sequence) Load(env Env) (Sequence, error) {
	loaded := make(Sequence, len(s))
	for i, step := range s {
		if l, ok := step.(loader); ok {
			var err error
			if step, err = l.load(env); err != nil {
				return nil, fmt.Errorf("knock %d of %d (%s): %w", i+1, len(s), step.Kind(), err)
			}
		}
		loaded[i] = step
	}
	return loaded, nil
}

// At returns the sequence with absolute paths. Relative paths start in the given folder,
// and "~/name" in the home directory.
func (s Sequence) At(folder, home string) Sequence {
	moved := make(Sequence, len(s))
	for i, step := range s {
		if l, ok := step.(located); ok {
			step = l.at(folder, home)
		}
		moved[i] = step
	}
	return moved
}

func absolute(path, folder, home string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(home, rest)
	}
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}
