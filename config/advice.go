package config

import (
	"fmt"
	"slices"
	"strings"
)

// maxAliases bounds how many blocks are looked into for a misplaced knock.
const maxAliases = 4

// maxNotes bounds how many notes are kept.
const maxNotes = 64

// advice is what the reader notices of the mistakes that people make. None of it
// changes what is read.
type advice struct {
	notes   []Note
	aliases []alias
	ignored value // the IgnoreUnknown that counts
}

// An alias is a name under which the host may have a knock.
type alias struct {
	name   string
	title  string
	origin Origin
}

// above is what is remembered of the lines of a block that have been read.
type above struct {
	gap   int       // the last line that is blank or prose
	knock knockLine // the last comment that holds a knock
	noted bool      // a note was made of this block
}

// A knockLine is a comment that holds a knock.
type knockLine struct {
	line, indent int
	apart        bool // nothing of the block stands directly above it
}

// watchComment remembers a comment that may hold a knock.
func (a *above) watchComment(line, indent int) {
	previous := a.knock
	a.knock = knockLine{line, indent, line == 1 || a.gap == line-1}
	if previous.line == line-1 && previous.line > 0 {
		a.knock.apart = previous.apart
	}
}

// note adds a note, once.
func (a *advice) note(n Note) {
	if len(a.notes) < maxNotes && !slices.Contains(a.notes, n) {
		a.notes = append(a.notes, n)
	}
}

// watchColon notes a comment that lacks only the colon.
func (a *advice) watchColon(at *position, c comment) {
	if !at.block.active || c.value == "" {
		return
	}
	first, _, _ := strings.Cut(c.value, " ")
	sequence := c.keyword == kwKnock && strings.Trim(c.value, "0123456789 \t,:/tcpudTCPUD") == ""
	number := c.keyword != kwKnock && strings.Trim(first, "0123456789.ms") == ""
	if sequence || number {
		a.note(Note{fmt.Sprintf("this comment is no %v, for want of a colon: # %[1]v: ...", c.keyword), true, at.here})
	}
}

// watchName notes a comment whose keyword is nearly one of ours.
func (a *advice) watchName(at *position, line string) {
	name, _, colon := strings.Cut(strings.TrimLeft(line[1:], " \t"), ":")
	if !at.block.active || !colon || strings.ContainsAny(name, " \t0123456789") || findKeyword(name) != kwNone {
		return
	}
	if kw := nearestKeyword(name); kw.isKnock() {
		a.note(Note{fmt.Sprintf("%q is no keyword, so this is a comment: is it %v?", name, kw), true, at.here})
	}
}

// watchBlock looks at the line that begins a block: a comment directly above it
// belongs to the block before, which is seldom what was meant. It matters to the
// hosts of either block.
func (a *advice) watchBlock(before, at *position, indent int) {
	knock := before.above.knock
	if knock.line == 0 || knock.line != at.here.Line-1 || knock.indent != indent || !knock.apart || !at.block.active && !before.block.active {
		return
	}
	belongs := "so it counts for every host"
	if line := before.heading.line; line > 0 {
		belongs = fmt.Sprintf("so it belongs to the block of line %d", line)
	}
	text := fmt.Sprintf("the knock is above %v, not below it, %s", blockName(at.heading.keyword, at.heading.text), belongs)
	a.note(Note{text, at.block.active, Origin{at.here.File, knock.line}})
}

// watch looks at a keyword.
func (r *reader) watch(at *position, kw keyword, v value) {
	if at.block.active && kw.isKnock() && !v.comment && at.source.kind == sshFile && !ignores(r.advice.ignored.text, lowerASCII(kw.String())) {
		r.advice.note(Note{fmt.Sprintf("ssh reads no file with a keyword %v: make it a comment, # %[1]v: ..., or put IgnoreUnknown Knock* above it", kw), true, at.here})
	}
	switch {
	case kw == kwIgnoreUnknown:
		r.advice.watchIgnoreUnknown(at, v)
	case kw == kwHostName && at.heading.keyword == kwHost && !at.block.active && !r.final:
		r.watchAlias(at, v)
	case kw.isKnock() && at.block.undecided != "" && !at.above.noted && !r.current[kwKnock].isSet():
		at.above.noted = true
		r.advice.note(Note{fmt.Sprintf("the knock in %v is not read, as its %q cannot be decided here",
			blockName(kwMatch, at.heading.text), at.block.undecided), true, Origin{at.here.File, at.heading.line}})
	}
}

// watchIgnoreUnknown notes an IgnoreUnknown for our keywords that comes too
// late: in ssh the first one counts.
func (a *advice) watchIgnoreUnknown(at *position, v value) {
	if !at.block.active || at.source.kind == sideFile {
		return
	}
	first := a.ignored
	if first.text == "" {
		a.ignored = v
		return
	}
	if first.origin != v.origin && ignores(v.text, "knock") && !ignores(first.text, "knock") {
		a.note(Note{fmt.Sprintf("this IgnoreUnknown is void, as the one of %v came first: add Knock* to that", first.origin), true, at.here})
	}
}

// ignores reports whether the value of an IgnoreUnknown covers a keyword.
func ignores(list, name string) bool {
	words, ok := splitWords(list)
	return ok && len(words) > 0 && matchList(name, lowerASCII(words[0]))
}

// watchAlias remembers a block whose HostName is the name that was looked up.
func (r *reader) watchAlias(at *position, v value) {
	if !strings.Contains(v.text, "%") && len(v.text) != len(r.name) || len(r.advice.aliases) == maxAliases {
		return
	}
	names, _ := splitWords(at.heading.text)
	for _, name := range names {
		if !strings.ContainsAny(name, "*?!") && equalFold(expandHost(v.text, name), r.name) {
			r.advice.aliases = append(r.advice.aliases, alias{name, blockName(kwHost, name), Origin{at.here.File, at.heading.line}})
			return
		}
	}
}

// adviseAlias notes that the host has a knock under another name.
func (r *reader) adviseAlias(s Sources, q Query) {
	for _, a := range r.advice.aliases {
		other := newReader(s, Query{Name: a.name, User: q.User})
		if other.readAll() != nil || other.chosen(kwKnock).origin.Line == 0 {
			continue
		}
		n := Note{fmt.Sprintf("%s, line %d, has HostName %s: pass -n %%n", a.title, a.origin.Line, q.Name), true, a.origin}
		r.advice.notes = slices.Insert(r.advice.notes, 0, n) // the likeliest reason comes first
		return
	}
}
