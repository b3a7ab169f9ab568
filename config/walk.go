package config

import (
	"errors"
	"slices"
	"strings"
)

// readFile reads the lines of a file. Outer is the block in which it is included.
func (r *reader) readFile(in *input, s source, outer block, depth int, exposed bool) error {
	if r.opened++; r.opened > maxFiles {
		return &Error{Origin{File: in.path}, 0, errTooManyFiles}
	}
	if r.left -= len(in.text); r.left < 0 {
		return &Error{Origin{File: in.path}, 0, errTooMuch}
	}
	at := position{source: s, here: Origin{File: in.path}, depth: depth, outer: outer, block: outer}
	at.seen.active = outer.active
	at.exposed = exposed || in.info != nil && badOwner(in.info, r.accounts)
	watched := r.watch != nil && !r.final
	skips := in.outline != nil && !watched
	var marks outline
	if in.outline == nil && watched {
		marks = append(make(outline, 0, 1+len(in.text)/100), mark{})
	}
	last := 0 // the mark that was passed last
	read := 0 // bytes that were not passed over
	var l line
	for rest := in.text; rest != ""; {
		if skips && !in.outline[last].keep && at.idle() {
			next := in.next(last, r.name)
			if next == len(in.outline) {
				break
			}
			m := in.outline[next]
			last, rest, at.here.Line = next-1, in.text[m.offset:], int(m.line)-1
		}
		offset := len(in.text) - len(rest)
		var text string
		text, rest, _ = strings.Cut(rest, "\n")
		read += len(text) + 1
		at.here.Line++
		at.parse(text, &l)
		if l.kind == otherLine {
			continue
		}
		if l.marks() {
			if marks != nil {
				marks[last].keep = at.seen.rightAbove(at.here.Line, l.indent)
				marks = marks.add(offset, at.here.Line, &l)
			}
			last++
		}
		if err := r.follow(&at, &l); err != nil {
			return err
		}
		r.advise(&at, &l)
		if watched {
			r.watch.line(&at, &l)
		}
	}
	if marks != nil {
		in.outline = marks
	}
	r.work += len(in.outline) + read/workBytes
	return nil
}

// A position is where in a file the reader is.
type position struct {
	source  source
	here    Origin  // the line that is read
	depth   int     // of Include
	exposed bool    // others can write to the file, or to one that includes it
	outer   block   // the one in which the file is included
	block   block   // the one in which the line stands
	heading heading // the line with which that begins
	seen    seen    // what the advice remembers of that block
}

// idle reports whether the lines of the block do not matter to this host.
func (at *position) idle() bool { return !at.block.active && at.block.undecided == "" }

// follow applies a line.
func (r *reader) follow(at *position, l *line) error {
	switch {
	case l.kind == commentLine && l.colon:
		r.set(at, l.keyword, l.value)
	case l.kind != keywordLine:
	case l.keyword == kwNone:
		return unknownKeyword(at, l.name)
	case l.keyword == kwHost || l.keyword == kwMatch:
		r.beginBlock(at, l.keyword, l.value)
	case l.keyword == kwInclude:
		return r.include(at, l.value)
	case at.source.kind == sideFile && !l.keyword.inSideFile():
		return &Error{at.here, 0, errors.New(l.keyword.String() + " belongs in ssh's own config, not in this file")}
	default:
		r.set(at, l.keyword, l.value)
	}
	return nil
}

// set gives a keyword its value, if the block applies and it has none yet.
func (r *reader) set(at *position, kw keyword, v value) {
	if kw == kwHostName && at.block.undecided != "" {
		r.undecided = append(r.undecided, v)
	}
	if !at.block.active || r.current[kw].isSet() || v.text == "" && !kw.isKnock() {
		return
	}
	var first string
	if words, ok := SplitWords(v.text); ok && len(words) > 0 {
		first = words[0]
	}
	switch kw {
	case kwHostName, kwUser: // keep what a Match line compares
		if first == "" || kw == kwHostName && len(first) > maxName {
			return
		}
		v.text = first
	case kwConnectTimeout:
		if first == "none" { // ssh still takes a later one
			return
		}
	case kwCanonicalizeHostname:
		r.again = r.again || slices.Contains([]string{"yes", "true", "always"}, lowerASCII(first))
	}
	r.current[kw] = v
}
