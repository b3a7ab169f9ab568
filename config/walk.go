package config

import (
	"errors"
	"slices"
	"strings"
)

// readFile reads the lines of a file that is included in a block.
func (r *reader) readFile(in *input, p place, outer block, depth int) error {
	if r.opened++; r.opened > maxFiles {
		return &Error{Origin{File: in.path}, 0, errTooManyFiles}
	}
	if r.left -= len(in.text); r.left < 0 {
		return &Error{Origin{File: in.path}, 0, errTooMuch}
	}
	at := position{place: p, depth: depth, outer: outer, block: outer}
	at.File = in.path
	at.exposed = in.info != nil && badOwner(in.info, r.accounts)
	for text := in.text; text != ""; {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		at.Line++
		if err := r.readLine(&at, line); err != nil {
			return err
		}
	}
	return nil
}

// A position is where in a file the reader is.
type position struct {
	Origin
	place
	depth   int   // of Include
	exposed bool  // others can write to the file
	outer   block // the one in which the file is included
	block   block // the one in which the line stands
	textual
}

// readLine reads one line.
func (r *reader) readLine(at *position, line string) error {
	trimmed := strings.TrimLeft(line, " \t\r")
	switch {
	case trimmed == "":
		at.apart = at.Line
		return nil
	case trimmed[0] != commentMark:
	case mayHoldKnock(trimmed):
		r.readComment(at, line, trimmed)
		return nil
	default:
		at.apart = at.Line
		return nil
	}
	if at.kind == sshFile && !worthReading(trimmed[0], &at.block) {
		return nil
	}
	line = trimEnd(line)
	name, text, ok := cutKeyword(line)
	if !ok {
		return nil
	}
	kw := findKeyword(name)
	v := value{Origin: at.Origin, text: text, at: len(line) - len(text), exposed: at.exposed}
	switch kw {
	case kwNone:
		return r.unknown(at, name)
	case kwHost, kwMatch:
		before := at.block.active
		r.beginBlock(at, kw, v)
		r.watchBlock(at, kw, v, before, len(line)-len(strings.TrimLeft(line, " \t")))
	case kwInclude:
		return r.include(at, v)
	default:
		if at.kind == sideFile && !kw.inSideFile() {
			return &Error{at.Origin, 0, errors.New(kw.String() + " belongs in ssh's own config, not in this file")}
		}
		r.set(at, kw, v)
	}
	return nil
}

// worthReading reports whether a line of ssh's own file that begins with c can
// matter. It spares a large file most of the work.
func worthReading(c byte, b *block) bool {
	switch lower(c) {
	case 'h', 'm', 'i', 'k', '"', '=':
		return true
	}
	return b.active && strings.IndexByte("abcpu", lower(c)) >= 0
}

// readComment reads a comment that may hold a knock. The trimmed line is without
// its indent.
func (r *reader) readComment(at *position, line, trimmed string) {
	if hasColon(trimmed) {
		r.watchComment(at, len(line)-len(trimmed))
	}
	if !at.block.active && at.block.undecided == "" {
		return
	}
	trimmed = trimEnd(trimmed)
	m := parseComment(trimmed)
	switch {
	case !m.keyword.isKnock():
		r.watchName(at, trimmed)
	case !m.colon:
		r.watchColon(at, m)
	default:
		r.set(at, m.keyword, value{Origin: at.Origin, text: m.value, at: strings.LastIndex(line, m.value), comment: true})
	}
}

// set gives a keyword its value, if the block applies and it has none yet.
func (r *reader) set(at *position, kw keyword, v value) {
	r.watch(at, kw, v)
	if !at.block.active || r.setting[kw].isSet() || v.text == "" && !kw.isKnock() {
		return
	}
	var first string
	if words, ok := splitWords(v.text); ok && len(words) > 0 {
		first = words[0]
	}
	switch kw {
	case kwHostName, kwUser: // looked at by Match: keep what it compares
		if first == "" || kw == kwHostName && len(first) > maxName {
			return
		}
		v.text = first
	case kwConnectTimeout:
		if first == "none" { // in ssh, it leaves the keyword open
			return
		}
	case kwCanonicalizeHostname:
		r.again = r.again || slices.Contains([]string{"yes", "true", "always"}, lowerASCII(first))
	}
	r.setting[kw] = v
}

// beginBlock decides a Host or Match line.
func (r *reader) beginBlock(at *position, kw keyword, v value) {
	at.block = block{}
	if kw == kwHost {
		if words, ok := appendWords(r.words[:0], v.text); ok {
			at.block.active = matchHostLine(r.name, words)
			r.words = words
		}
	} else {
		var final bool
		at.block, final = r.subject().match(v.text)
		r.again = r.again || final
	}
	at.block = at.block.within(at.outer)
}

// subject is what a Match line is compared with where it stands.
func (r *reader) subject() *subject {
	s := &subject{host: r.hostName(), original: r.typed, user: r.user, localUser: r.sources.LocalUser, final: r.final}
	if s.user == "" {
		s.user = r.ssh[kwUser].text
	}
	if s.user == "" {
		s.user = r.sources.LocalUser
	}
	return s
}

// hostName is the HostName as it stands.
func (r *reader) hostName() string {
	if h := r.ssh[kwHostName].text; h != "" {
		return expandHost(h, r.name)
	}
	return r.name
}
