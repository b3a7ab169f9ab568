package config

import (
	"errors"
	"io/fs"
	"os/user"
	"path/filepath"
	"strings"
)

var errTooDeep = errors.New("includes nested more than 16 deep: does a file include itself?")

// maxPath is the longest path, in bytes, that a system opens (PATH_MAX).
const maxPath = 4096

// include reads the files that an Include names, even in a block that does not
// apply: there they can still ask for a second reading.
func (r *reader) include(at *position, v value) error {
	words, ok := SplitWords(v.text)
	if !ok {
		return nil
	}
	for _, word := range words {
		pattern := r.includePath(at.source, word)
		if pattern == "" {
			continue
		}
		paths, err := r.files.glob(pattern)
		if err != nil {
			return &Error{at.here, 0, err}
		}
		for _, path := range paths {
			if err := r.includeFile(at, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// includeFile reads one of them. ssh reports a file that cannot be read.
func (r *reader) includeFile(at *position, path string) error {
	in := r.files.open(path)
	switch {
	case errors.Is(in.err, fs.ErrNotExist), in.err == errDirectory:
		return nil
	case in.err != nil:
		r.advice.note(Note{Text: path + " is not read: " + in.err.Error(), Hint: at.block.active, Origin: at.here})
		return nil
	case in.info != nil && badOwner(in.info, r.accounts):
		return errBadOwner(path)
	case at.depth == maxDepth:
		return &Error{at.here, 0, errTooDeep}
	}
	return r.readFile(in, at.source, at.block, at.depth+1, at.exposed)
}

// includePath returns the path that a word after Include stands for, or "" if ssh
// would refuse it or find nothing.
func (r *reader) includePath(s source, word string) string {
	if len(word) > maxPath {
		return ""
	}
	if word = r.expand(word); len(word) > maxPath {
		return ""
	}
	if rest, ok := strings.CutPrefix(word, "~"); ok && !s.system {
		name, rest, _ := strings.Cut(rest, "/")
		home := r.sources.Home
		if name != "" {
			u, err := user.Lookup(name)
			if err != nil {
				return ""
			}
			home = u.HomeDir
		}
		return escapeGlob(home) + "/" + rest
	}
	switch {
	case word == "", word[0] == '~':
		return ""
	case filepath.IsAbs(word), word[0] == '/':
		return word
	case s.folder == "":
		return ""
	}
	return escapeGlob(s.folder) + "/" + word
}

// expand replaces ${NAME} and the tokens that are known here, as OpenSSH does since 9.9.
// An older ssh takes them literally and finds no file of that name.
func (r *reader) expand(word string) string {
	for from := 0; r.sources.Env != nil; {
		start := strings.Index(word[from:], "${") + from
		end := strings.IndexByte(word[max(start, 0):], '}') + start
		if start < from || end < start {
			break
		}
		text := r.sources.Env(word[start+2 : end])
		if len(text) > maxPath || len(word) > 2*maxPath {
			return ""
		}
		word = word[:start] + text + word[end+1:]
		from = start + len(text)
	}
	if !strings.Contains(word, "%") {
		return word
	}
	s := r.subject()
	return strings.NewReplacer("%%", "%", "%d", r.sources.Home, "%h", s.host, "%n", s.original,
		"%r", s.user, "%u", s.localUser).Replace(word)
}

// escapeGlob keeps a folder's name from being a pattern.
func escapeGlob(path string) string {
	if onWindows || !strings.ContainsAny(path, `*?[\`) {
		return path
	}
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}
