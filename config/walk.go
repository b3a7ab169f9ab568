package config

import (
	"errors"
	"slices"
	"strings"
)

// readFile reads the lines of a file. Outer is the block in which it is included.
func (r *reader) readFile(in *input, s source, outer block, depth int) error {
	if r.opened++; r.opened > maxFiles {
		return &Error{Origin{File: in.path}, 0, errTooManyFiles}
	}
	if r.left -= len(in.text); r.left < 0 {
		return &Error{Origin{File: in.path}, 0, errTooMuch}
	}
	at := position{source: s, here: Origin{File: in.path}, depth: depth, outer: outer, block: outer}
	at.exposed = in.info != nil && badOwner(in.info, r.accounts)
	for text := in.text; text != ""; {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		at.here.Line++
		if err := r.readLine(&at, line); err != nil {
			return err
		}
	}
	return nil
}

// A position is where in a file the reader is.
type position struct {
	source  source
	here    Origin  // the line that is read
	depth   int     // of Include
	exposed bool    // others can write to the file
	outer   block   // the one in which the file is included
	block   block   // the one in which the line stands
	heading heading // the line with which that begins
	above   above   // the lines of that block that have been read
}

// readLine reads one line.
func (r *reader) readLine(at *position, line string) error {
	trimmed := strings.TrimLeft(line, " \t\r")
	switch {
	case trimmed == "":
		at.above.gap = at.here.Line
		return nil
	case trimmed[0] != commentMark:
	case mayHoldKnock(trimmed):
		r.readComment(at, line, trimmed)
		return nil
	default:
		at.above.gap = at.here.Line
		return nil
	}
	if at.source.kind == sshFile && !worthReading(trimmed[0], &at.block) {
		return nil
	}
	line = trimEnd(line)
	name, text, ok := cutKeyword(line)
	if !ok {
		return nil
	}
	kw := findKeyword(name)
	v := value{origin: at.here, text: text, offset: len(line) - len(text), exposed: at.exposed}
	switch kw {
	case kwNone:
		return unknownKeyword(at, name)
	case kwHost, kwMatch:
		before := *at
		r.beginBlock(at, kw, v)
		r.advice.watchBlock(&before, at, len(line)-len(strings.TrimLeft(line, " \t")))
	case kwInclude:
		return r.include(at, v)
	default:
		if at.source.kind == sideFile && !kw.inSideFile() {
			return &Error{at.here, 0, errors.New(kw.String() + " belongs in ssh's own config, not in this file")}
		}
		r.set(at, kw, v)
	}
	return nil
}

// worthReading reports whether a line of ssh's own file that begins with c can
// matter. It saves most of the work on a large file.
func worthReading(c byte, b *block) bool {
	switch lower(c) {
	case 'h', 'm', 'i', 'k', '"', '=':
		return true
	}
	return b.active && strings.IndexByte("abcpu", lower(c)) >= 0
}

// readComment reads a comment that may hold a knock. What is trimmed is the line
// without its indent.
func (r *reader) readComment(at *position, line, trimmed string) {
	if hasColon(trimmed) {
		at.above.watchComment(at.here.Line, len(line)-len(trimmed))
	}
	if !at.block.active && at.block.undecided == "" {
		return
	}
	trimmed = trimEnd(trimmed)
	c := parseComment(trimmed)
	switch {
	case !c.keyword.isKnock():
		r.advice.watchName(at, trimmed)
	case !c.colon:
		r.advice.watchColon(at, c)
	default:
		r.set(at, c.keyword, value{origin: at.here, text: c.value, offset: strings.LastIndex(line, c.value), comment: true})
	}
}

// set gives a keyword its value, if the block applies and it has none yet.
func (r *reader) set(at *position, kw keyword, v value) {
	r.watch(at, kw, v)
	if !at.block.active || r.current[kw].isSet() || v.text == "" && !kw.isKnock() {
		return
	}
	var first string
	if words, ok := splitWords(v.text); ok && len(words) > 0 {
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
