package config

import (
	"fmt"
	"slices"
	"strings"
)

// maxNotes bounds how many notes are kept.
const maxNotes = 64

// advice collects notes on mistakes that people make. It does not change what is read.
type advice struct {
	notes   []Note
	ignored value // the IgnoreUnknown that counts
	winner  winner
}

// A winner is the Knock line that counts.
type winner struct {
	source string // the path of the user's, the system's or the side file
	inHost bool   // no Match decided about it
}

// seen is what the advice remembers of a block's lines.
type seen struct {
	heading heading
	active  bool
	gap     int       // the last line that is blank or prose
	knock   knockLine // the last comment that holds a knock
	noted   bool      // its Knock lines need no further note
}

// A knockLine is a comment that holds a knock.
type knockLine struct {
	line, indent int
	apart        bool // nothing of the block stands directly above it
}

// advise looks at a line that has been read.
func (r *reader) advise(at *position, l *line) {
	a := &r.advice
	switch {
	case l.kind == proseLine:
		at.seen.gap = at.here.Line
		if l.text != "" && at.block.active && mayNearlyHoldKnock(l.text) {
			a.misspeltComment(at, l)
		}
		return
	case l.kind == commentLine:
		at.seen.comment(at.here.Line, l)
		if at.block.active && l.keyword == kwNone {
			a.misspeltComment(at, l)
		} else if at.block.active && !l.colon {
			a.missingColon(at, l)
		}
	case l.keyword == kwNone:
		a.misspeltKeyword(at, l)
	case l.keyword == kwHost || l.keyword == kwMatch:
		a.knockAbove(at, l)
		at.seen = seen{heading: at.heading, active: at.block.active}
	case l.keyword == kwIgnoreUnknown:
		a.ignoreUnknown(at, l)
	}
	switch {
	case l.kind == keywordLine && !l.keyword.isKnock():
		a.knockBehind(at, l)
	case !l.keyword.isKnock() || l.kind == commentLine && !l.colon:
	case at.block.undecided != "" && !at.seen.noted && !r.current[kwKnock].isSet():
		at.seen.noted = true
		a.undecided(at)
	default:
		if l.kind == keywordLine {
			a.unignored(at, l)
		}
		if l.keyword == kwKnock && at.block.active && !r.noKnock {
			r.overridden(at)
		}
	}
}

// overridden notes a knock for just this host that an earlier line overrides, because
// somebody added a second block. These do not count: a block of patterns below one of
// names, a Match above a Host, the user's file and the system's. They are how one writes
// an exception.
func (r *reader) overridden(at *position) {
	a, first := &r.advice, r.current[kwKnock].origin
	if first == at.here {
		a.winner = winner{at.source.path, at.block.heading.keyword != kwMatch && at.outer.heading.keyword != kwMatch}
		return
	}
	if at.seen.noted || !a.winner.inHost || a.winner.source != at.source.path || at.heading.keyword != kwHost {
		return
	}
	at.seen.noted = true
	if slices.Contains(at.heading.names(), r.typed) {
		a.note(Note{fmt.Sprintf("this Knock is not used: %v comes first", first), true, at.here})
	}
}

// comment remembers a comment that may hold a knock.
func (s *seen) comment(number int, l *line) {
	if !hasColon(l.text) {
		return
	}
	previous := s.knock
	s.knock = knockLine{number, l.indent, number == 1 || s.gap == number-1}
	if previous.line == number-1 && previous.line > 0 {
		s.knock.apart = previous.apart
	}
}

// rightAbove reports whether the last comment that holds a knock looks as if it belongs
// to the line below it.
func (s *seen) rightAbove(line, indent int) bool {
	return s.knock.line > 0 && s.knock.line == line-1 && s.knock.indent == indent && s.knock.apart
}

// note adds a note, once.
func (a *advice) note(n Note) {
	if len(a.notes) < maxNotes && !slices.Contains(a.notes, n) {
		a.notes = append(a.notes, n)
	}
}

// missingColon notes a comment that lacks only the colon.
func (a *advice) missingColon(at *position, l *line) {
	text := l.value.text
	if text == "" {
		return
	}
	first, _, _ := strings.Cut(text, " ")
	sequence := l.keyword == kwKnock && strings.Trim(text, "0123456789 \t,:/tcpudTCPUD") == ""
	number := l.keyword != kwKnock && strings.Trim(first, "0123456789.ms") == ""
	if sequence || number {
		a.note(Note{fmt.Sprintf("this comment is not read as %v because the colon is missing: write # %[1]v: ...", l.keyword), true, at.here})
	}
}

// misspeltComment notes a comment whose keyword is nearly one of ours.
func (a *advice) misspeltComment(at *position, l *line) {
	name, _, colon := strings.Cut(strings.TrimLeft(l.text[1:], " \t"), ":")
	if !colon || findKeyword(name) != kwNone {
		return
	}
	if kw := nearestKnock(name); kw != kwNone {
		a.note(Note{fmt.Sprintf("%q is not a keyword, so this is only a comment: did you mean %v?", name, kw), true, at.here})
	}
}

// misspeltKeyword notes a keyword that is nearly one of ours, in a file where it causes
// no error.
func (a *advice) misspeltKeyword(at *position, l *line) {
	if !at.block.active || at.source.kind == sshFile && !ignores(a.ignored.text, lowerASCII(l.name)) {
		return
	}
	kw := nearestKnock(l.name) // last, as it takes its time
	if kw == kwNone {
		return
	}
	a.note(Note{fmt.Sprintf("%q is not a keyword, so this line is ignored: did you mean %v?", l.name, kw), true, at.here})
}

// knockBehind notes a knock in a comment that is not on a line of its own.
func (a *advice) knockBehind(at *position, l *line) {
	if !at.block.active || strings.IndexByte(l.value.text, commentMark) < 0 {
		return
	}
	text := trailingComment(l.value.text)
	if text == "" || !mayHoldKnock(text) {
		return
	}
	c := parseComment(text)
	if c.keyword.isKnock() && (c.colon || c.value != "" && '0' <= c.value[0] && c.value[0] <= '9') {
		a.note(Note{fmt.Sprintf("the comment after %v is not read as %v: put it on a line of its own, below this one", l.keyword, c.keyword), true, at.here})
	}
}

// knockAbove looks at the line that begins a block: a comment directly above it
// belongs to the block before, which is seldom what was meant. It matters to the
// hosts of either block.
func (a *advice) knockAbove(at *position, l *line) {
	before := &at.seen
	if !before.rightAbove(at.here.Line, l.indent) || !at.block.active && !before.active {
		return
	}
	belongs := "so it applies to every host"
	if line := before.heading.line; line > 0 {
		belongs = fmt.Sprintf("so it belongs to the block on line %d", line)
	}
	text := fmt.Sprintf("the knock is above %s, not below it, %s", at.heading.name(), belongs)
	a.note(Note{text, at.block.active, Origin{at.here.File, before.knock.line}})
}

// undecided notes a knock in a block that only ssh can decide.
func (a *advice) undecided(at *position) {
	title, line := at.heading.name(), at.heading.line
	reason := fmt.Sprintf("its %q", at.block.undecided)
	if !at.outer.active { // the Match stands in the file that includes this one
		reason = fmt.Sprintf("the %q of the Match that includes this file", at.block.undecided)
	}
	if line == 0 {
		title, line = "this file", at.here.Line
	}
	a.note(Note{fmt.Sprintf("the knock in %s is not read, because knockpipe cannot evaluate %s", title, reason), true, Origin{at.here.File, line}})
}

// unignored notes one of our keywords that makes ssh refuse the whole file.
func (a *advice) unignored(at *position, l *line) {
	if at.block.active && at.source.kind == sshFile && !ignores(a.ignored.text, lowerASCII(l.keyword.String())) {
		a.note(Note{fmt.Sprintf("ssh refuses a file with the keyword %v: make it a comment, # %[1]v: ..., or put IgnoreUnknown Knock* above it", l.keyword), true, at.here})
	}
}

// ignoreUnknown notes an IgnoreUnknown for our keywords that comes too late: in ssh
// the first one counts.
func (a *advice) ignoreUnknown(at *position, l *line) {
	if !at.block.active || at.source.kind == sideFile {
		return
	}
	first, v := a.ignored, l.value
	if first.text == "" {
		a.ignored = v
		return
	}
	if first.origin != v.origin && ignores(v.text, "knock") && !ignores(first.text, "knock") {
		a.note(Note{fmt.Sprintf("this IgnoreUnknown has no effect because the one at %v comes first: add Knock* to that one", first.origin), true, at.here})
	}
}

// ignores reports whether the value of an IgnoreUnknown covers a keyword.
func ignores(list, name string) bool {
	words, ok := SplitWords(list)
	return ok && len(words) > 0 && matchList(name, lowerASCII(words[0]))
}
