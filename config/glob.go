package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"knockpipe/internal/match"
)

var errTooManyFiles = errors.New("more than 10000 included files")

// onWindows says that a backslash separates folders and escapes nothing.
const onWindows = filepath.Separator == '\\'

// glob returns the files that match the pattern of an Include, in the order in which ssh
// reads them. It follows ssh's own glob, which differs from [filepath.Glob]: '*' does not
// match names that begin with a dot, "[!a]" negates, a '[' that is never closed stands
// for itself, and the whole paths are sorted.
func glob(pattern string) ([]string, error) {
	if !strings.ContainsAny(pattern, "*?[") {
		return []string{unescape(pattern)}, nil
	}
	slashed := pattern
	if onWindows {
		slashed = filepath.ToSlash(pattern)
	}
	found := []string{""}
	for more := true; more; {
		var part string
		part, slashed, more = strings.Cut(slashed, "/")
		var err error
		if found, err = globPart(found, part, more); err != nil {
			return nil, err
		}
	}
	found = slices.DeleteFunc(found, func(path string) bool {
		_, err := os.Lstat(path)
		return err != nil
	})
	slices.Sort(found)
	return found, nil
}

// globPart adds to each folder the names in it that match one part of the
// pattern, and a '/' if another part follows.
func globPart(folders []string, part string, more bool) ([]string, error) {
	slash := ""
	if more {
		slash = "/"
	}
	var found []string
	sets := globSets{}
	for _, folder := range folders {
		if !strings.ContainsAny(part, "*?[") {
			found = append(found, folder+unescape(part)+slash)
			continue
		}
		name := folder
		if name == "" {
			name = "."
		}
		entries, _ := os.ReadDir(name) // what cannot be read holds nothing
		for _, entry := range entries {
			if entry.Name()[0] == '.' && part[0] != '.' || !match.Stars(part, entry.Name(), sets.globByte) {
				continue
			}
			if found = append(found, folder+entry.Name()+slash); len(found) > maxFiles {
				return nil, errTooManyFiles
			}
		}
	}
	return found, nil
}

// globSets are the sets of a part of a pattern, by how much of the part is left where
// they begin. Each is parsed once, because it may be long and is compared with every byte
// of every name.
type globSets map[int]globSet

// globByte reports whether c matches what the pattern begins with, and how long
// that is: a set of bytes, an escaped byte, '?' for any, or a byte.
func (sets globSets) globByte(pattern string, c byte) (n int, ok bool) {
	switch {
	case pattern[0] == '?':
		return 1, true
	case pattern[0] == '\\' && len(pattern) > 1 && !onWindows:
		return 2, pattern[1] == c
	case pattern[0] == '[':
		set, read := sets[len(pattern)]
		if !read {
			set = parseGlobSet(pattern)
			sets[len(pattern)] = set
		}
		return set.length, set.has[c]
	}
	return 1, pattern[0] == c
}

// A globSet is a set such as [a-z] or [!0-9], or a '[' that is never closed and stands
// for itself.
type globSet struct {
	length int
	has    [256]bool
}

// parseGlobSet reads the set that a pattern begins with. A ']' that comes first is a
// member.
func parseGlobSet(pattern string) (set globSet) {
	i := 1
	negated := strings.HasPrefix(pattern[i:], "!")
	if negated {
		i++
	}
	for first := true; i < len(pattern) && (first || pattern[i] != ']'); first = false {
		from, to := pattern[i], pattern[i]
		if i+2 < len(pattern) && pattern[i+1] == '-' && pattern[i+2] != ']' {
			to = pattern[i+2]
			i += 2
		}
		for c := int(from); c <= int(to); c++ {
			set.has[c] = true
		}
		i++
	}
	if i >= len(pattern) {
		set = globSet{length: 1}
		set.has['['] = true
		return set
	}
	for c := range set.has {
		set.has[c] = set.has[c] != negated
	}
	set.length = i + 1
	return set
}

// unescape drops the backslashes of a path that has nothing to expand.
func unescape(path string) string {
	if onWindows || !strings.Contains(path, `\`) {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+1 < len(path) {
			i++
		}
		b.WriteByte(path[i])
	}
	return b.String()
}
