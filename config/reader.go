package config

import (
	"errors"
	"io/fs"
	"net/netip"
	"strings"
	"syscall"
)

// A place is one of the files that are read on their own account, with what it
// includes.
type place struct {
	path string
	kind kind

	folder string // where a relative Include starts
	user   bool   // the user's: an Include may begin with '~'
}

// A kind of file decides who complains of what is wrong with it.
type kind uint8

const (
	sshFile   kind = iota // ssh's own: ssh complains
	sideFile              // knockpipe's own
	givenFile             // named by the user, in either's grammar
)

// A value is the first one that a keyword has got.
type value struct {
	Origin
	text string
	at   int // the byte of the line, from 0, at which text begins

	comment bool // it stands in one
	exposed bool // others can write to its file
}

func (v *value) isSet() bool { return v.Line > 0 || v.text != "" }

// A reader reads the files for one query, as ssh's readconf.c does: line by line,
// each block decided when its first line is read.
type reader struct {
	sources  Sources
	accounts *accounts
	inputs   map[string]*input
	left     int // bytes that may still be read
	opened   int // how many files were read

	name    string // what Host lines are compared with
	typed   string // what the user typed
	user    string // -l
	given   bool   // the knock is known already
	final   bool   // this is the second reading
	again   bool   // ssh would read a second time
	ssh     [numKeywords]value
	side    [numKeywords]value
	setting *[numKeywords]value // of the place that is being read

	advice
}

func newReader(s Sources, q Query) *reader {
	r := &reader{
		sources: s, accounts: localAccounts(), inputs: map[string]*input{}, left: maxTotal,
		name: q.Name, typed: q.Name, user: q.User, given: q.NoKnock,
	}
	r.setting = &r.ssh
	return r
}

// readAll reads every place. The side file comes last, so that its Match lines
// see the HostName and the User of ssh's files.
func (r *reader) readAll() error {
	folder := userFolder(r.sources.Home)
	places := []place{
		{r.sources.User, sshFile, folder, true},
		{r.sources.System, sshFile, systemFolder(r.sources.System), false},
	}
	side := place{r.sources.Side, sideFile, folder, true}
	if r.sources.File != "" {
		places = []place{{r.sources.File, givenFile, folder, true}}
		side.path = ""
	}
	if err := r.readTwice(places); err != nil {
		return err
	}
	r.setting, r.name, r.final = &r.side, r.typed, false
	return r.readTwice([]place{side})
}

// readTwice reads places, and once more where ssh does: a "Match final" or
// CanonicalizeHostname asks for a second reading, in which Host lines are
// compared with the host name in place of what was typed.
func (r *reader) readTwice(places []place) error {
	for {
		for _, p := range places {
			if err := r.readPlace(p); err != nil {
				return err
			}
		}
		if r.final || !r.again {
			return nil
		}
		r.final = true
		r.name = finalName(r.hostName())
		r.ssh[kwHostName].text = strings.ReplaceAll(r.name, "%", "%%") // as expandHost undoes it
	}
}

// finalName is a host name as ssh has it in the second reading: an address in its
// usual form, a name in lower case. What only looks like an address stays as it
// is.
func finalName(name string) string {
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.String()
	}
	if strings.ContainsAny(name, "%:") || strings.Trim(name, "0123456789.") == "" {
		return name
	}
	return lowerASCII(name)
}

// readPlace reads one file and what it includes.
func (r *reader) readPlace(p place) error {
	if p.path == "" {
		return nil
	}
	in := r.open(p.path)
	// Some have /dev/null for their home, or one that they may not look into.
	missing := errors.Is(in.err, fs.ErrNotExist) || errors.Is(in.err, syscall.ENOTDIR)
	unseen := missing || in.hidden && errors.Is(in.err, fs.ErrPermission)
	switch {
	case in.err == nil:
	case p.kind == givenFile || p.kind == sideFile && !unseen:
		return &Error{Origin: Origin{File: p.path}, Err: in.err}
	default: // ssh goes on without it
		if !missing {
			r.note(Note{Text: "not read: " + in.err.Error(), Hint: true, Origin: Origin{File: p.path}})
		}
		return nil
	}
	// ssh trusts a file that it is told of, and the system's own.
	if p.user && p.kind != givenFile && in.info != nil && badOwner(in.info, r.accounts) {
		return errBadOwner(p.path)
	}
	return r.readFile(in, p, block{active: true}, 0)
}
