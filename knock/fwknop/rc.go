package fwknop

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"knockpipe/internal/file"
)

// maxFile is the longest ~/.fwknoprc that is read, in bytes.
const maxFile = 1 << 20

// Load reads a stanza from a file in the format of ~/.fwknoprc, on top of its stanza
// "default". Because the file holds keys, only the user may be able to read it.
func Load(path, name string) (*Stanza, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, file.WithoutPath(err))
	case !info.Mode().IsRegular(): // opening a FIFO would wait
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, file.WithoutPath(err))
	}
	defer f.Close()
	switch info, err = f.Stat(); {
	case err != nil:
		return nil, err
	case file.Shared(info) != 0:
		return nil, fmt.Errorf("%s: others can read or write this file, which holds keys: chmod 600", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: more than %d bytes", path, maxFile)
	}
	defer clear(text)
	s, err := Parse(text, name)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return s, nil
}

// Parse is Load for the text of a file. An error begins with the number of the line and
// does not show the line.
func Parse(text []byte, name string) (*Stanza, error) {
	values := make(map[string]value)
	found := false
	section, number := "", 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 || line[0] == '#' || line[0] == ';' {
			continue
		}
		line = bytes.TrimLeft(line, " \t")
		if title, _, ok := bytes.Cut(line, []byte("]")); ok && bytes.HasPrefix(title, []byte("[")) {
			section = strings.TrimSpace(string(title[1:]))
			found = found || strings.EqualFold(section, name)
			continue
		}
		named := strings.EqualFold(section, name)
		if !named && !strings.EqualFold(section, "default") {
			continue
		}
		key, text, err := splitLine(string(line))
		if err != nil {
			return nil, fmt.Errorf("%d: %w", number, err)
		}
		if old, ok := values[key]; ok && old.named && !named {
			continue
		}
		values[key] = value{text, number, named}
	}
	if !found {
		return nil, fmt.Errorf(" no stanza [%s]", name)
	}
	s := &Stanza{Name: name}
	if err := s.set(values); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf(" [%s]: %w", name, err)
	}
	return s, nil
}

// A value is what a line sets a variable to.
type value struct {
	text  string
	line  int
	named bool // not by [default]
}

// splitLine reads "VAR value": the value ends at a blank, a ';' or a '#'.
func splitLine(line string) (key, text string, err error) {
	if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
		return "", "", errors.New("a comment must not be indented")
	}
	end := strings.IndexAny(line, " \t")
	if end <= 0 {
		return "", "", errors.New("not a variable and a value")
	}
	key = strings.TrimSuffix(line[:end], ":")
	text = strings.TrimLeft(line[end:], " \t")
	if i := strings.IndexAny(text, " \t;#"); i >= 0 {
		text = text[:i]
	}
	if text == "" {
		return "", "", errors.New(shown(key) + " has no value")
	}
	return key, text, nil
}

// shown returns a variable's name, unless it may be a key in the wrong place.
func shown(key string) string {
	if strings.Trim(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || len(key) > 30 {
		return "the line"
	}
	return key
}
