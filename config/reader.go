package config

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
)

// A reader reads the files for one query, as ssh's readconf.c does: line by line,
// each block decided when its first line is read.
type reader struct {
	sources  Sources
	accounts *accounts
	files    *files
	left     int // bytes that may still be read
	opened   int // how many files were read
	work     int // what the reading cost, as [maxWork] counts it

	typed   string  // what the user typed
	name    string  // what Host lines are compared with
	user    string  // -l
	anyUser bool    // there may have been a -l that is not known here
	noKnock bool    // the knock is known already
	final   bool    // this is the second reading
	again   bool    // ssh would read a second time
	ssh     values  // of ssh's own files, or of the one that was given
	side    values  // of the side file
	current *values // of the source that is being read

	undecided []value // HostNames in blocks of which only ssh knows whether they apply
	advice    advice
	watch     *watch // for aliases, or nil
	words     []word // memory to use again, of all readers in turn
}

func newReader(s Sources, q Query) *reader {
	return (&reader{sources: s, accounts: localAccounts(), files: newFiles(), user: q.User, noKnock: q.NoKnock}).as(q.Name)
}

// as returns a reader of the same files for another name.
func (r *reader) as(name string) *reader {
	other := &reader{
		sources: r.sources, accounts: r.accounts, files: r.files, left: maxTotal,
		typed: name, name: name, user: r.user, anyUser: r.anyUser, noKnock: r.noKnock, words: r.words,
	}
	other.current = &other.ssh
	return other
}

// readAll reads every source. The side file comes last, so that its Match lines
// see the HostName and the User of ssh's files.
func (r *reader) readAll() error {
	folder := userFolder(r.sources.Home)
	sources := []source{
		{r.sources.User, sshFile, folder, false},
		{r.sources.System, sshFile, systemFolder(r.sources.System), true},
	}
	side := source{r.sources.Side, sideFile, folder, false}
	if r.sources.File != "" {
		sources = []source{{r.sources.File, givenFile, folder, false}}
		side.path = ""
	}
	if err := r.readTwice(sources); err != nil {
		return err
	}
	r.current, r.name, r.final = &r.side, r.typed, false
	return r.readTwice([]source{side})
}

// readTwice reads sources, and once more where ssh does: a "Match final" or
// CanonicalizeHostname asks for a second reading, in which Host lines are
// compared with the host name in place of what was typed.
func (r *reader) readTwice(sources []source) error {
	for {
		for _, s := range sources {
			if err := r.readSource(s); err != nil {
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

// readSource reads one file and what it includes.
func (r *reader) readSource(s source) error {
	if s.path == "" {
		return nil
	}
	in := r.files.open(s.path)
	// Some have /dev/null for a home folder, or one that they may not look into.
	missing := errors.Is(in.err, fs.ErrNotExist) || errors.Is(in.err, syscall.ENOTDIR)
	unseen := missing || in.hidden && errors.Is(in.err, fs.ErrPermission)
	switch {
	case in.err == nil:
	case s.kind == givenFile || s.kind == sideFile && !unseen:
		return &Error{Origin: Origin{File: s.path}, Err: in.err}
	default: // ssh goes on without it
		if !missing {
			r.advice.note(Note{Text: "not read: " + in.err.Error(), Hint: true, Origin: Origin{File: s.path}})
		}
		return nil
	}
	// ssh trusts the file of its -F, and the system's own.
	if !s.system && s.kind != givenFile && in.info != nil && badOwner(in.info, r.accounts) {
		return errBadOwner(s.path)
	}
	return r.readFile(in, s, block{active: true}, 0, false)
}

// chosen returns the value of a keyword that counts.
func (r *reader) chosen(kw keyword) value {
	if v := r.side[kw]; v.isSet() {
		return v
	}
	return r.ssh[kw]
}

// settings reads the values that count, and only those.
func (r *reader) settings() (*Settings, error) {
	s := &Settings{Alias: r.typed, Notes: r.advice.notes}
	for kw := kwHostName; kw < numKeywords; kw++ {
		v := r.chosen(kw)
		if v.origin.Line == 0 || kw == kwKnock && r.noKnock {
			continue
		}
		words, err := v.words(kw)
		if err == nil {
			err = s.set(kw, words, r.typed)
		}
		if err == nil {
			err = s.anchor(kw, v, r.sources.Home)
		}
		switch {
		case err == nil:
			s.origins[kw] = v.origin
			s.entries = append(s.entries, Entry{lowerASCII(kw.String()), s.show(kw, words), v.origin})
		case kw.isKnock():
			return nil, v.wrong(kw, err)
		} // what is wrong with ssh's keywords is ssh's business
	}
	return s, nil
}
