package config

import (
	"fmt"
	"os"
	"strings"
)

// OtherKeyUse looks for another HostName whose knock is a token of the same key file, as
// a token that is seen on the way to one server would open the other. It returns what to
// warn of, or nil. The settings are those that s loaded for a host, with the user that
// the query had.
//
// The search reads the files once for each name in them, and is bounded.
func (s Sources) OtherKeyUse(of *Settings, user string) *Note {
	path := of.keyFile()
	if path == "" {
		return nil
	}
	note := &Note{Origin: of.Origin("Knock")}
	r := newReader(s, Query{Name: of.Alias, User: user})
	r.watch = newWatch(of.Alias) // for the outlines
	if r.readAll() != nil {
		return nil
	}
	name := serverName(r.hostName())
	files := keyFiles{path: true}
	own, _ := os.Stat(path)
	tried := map[string]bool{of.Alias: true}
	left := maxWork
	for _, e := range r.files.examples() {
		if tried[e.name] {
			continue
		}
		tried[e.name] = true
		other := r.as(e.name)
		err := other.readAll()
		if left -= other.work; left < 0 {
			note.Text = "there are too many blocks to find out whether the key file of " + of.Alias + " serves another host too"
			return note
		}
		if err != nil || serverName(other.hostName()) == name {
			continue
		}
		settings, err := other.settings()
		if err != nil || !files.same(settings.keyFile(), own) {
			continue
		}
		who := e.name
		if e.pattern {
			who = "the hosts of a pattern"
		}
		note.Text = fmt.Sprintf("the key file of %s serves %s (%v) too: if that is another server, "+
			"a token seen on the way to one opens the other, so give each a key of its own", of.Alias, who, settings.Origin("Knock"))
		return note
	}
	return nil
}

// keyFile is the file of the one-time tokens that open the door, or "".
func (s *Settings) keyFile() string {
	for _, step := range s.Knock {
		if f := step.Facts(); f.Single {
			return f.File
		}
	}
	return ""
}

// keyFiles remembers which paths lead to one file.
type keyFiles map[string]bool

func (k keyFiles) same(path string, own os.FileInfo) bool {
	if path == "" {
		return false
	}
	same, known := k[path]
	if !known {
		info, err := os.Stat(path)
		same = err == nil && own != nil && os.SameFile(info, own)
		k[path] = same
	}
	return same
}

// An example is a name for which a block may count.
type example struct {
	name    string
	pattern bool // it was made of one
}

// examples returns one for each word of all blocks.
func (f *files) examples() (all []example) {
	for _, h := range f.headings() {
		all = append(all, h.examples()...)
	}
	return all
}

// wildcards replaces those of a pattern, which makes a name of it.
var wildcards = strings.NewReplacer("*", "x", "?", "x")

// examples returns one for each word of a block.
func (h heading) examples() (all []example) {
	for _, word := range h.words() {
		if !strings.HasPrefix(word, "!") {
			name := wildcards.Replace(word)
			all = append(all, example{name, name != word})
		}
	}
	return all
}
