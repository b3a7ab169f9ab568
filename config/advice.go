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
	ignored [2]value // the IgnoreUnknown that counts, and one that is void
	words   []word   // memory to use again
}

// textual is what is remembered of the text around a position.
type textual struct {
	title   string // the words of the Host or Match line
	host    bool   // it is a Host line
	line    int    // its number
	noted   bool   // a note was made of this block
	apart   int    // the last line that was blank or a comment
	comment comment
}

// A comment is the last one that holds a knock.
type comment struct {
	line, indent int
	apart        bool // nothing of the block stands directly above it
}

// An alias is a name under which the host may have a knock.
type alias struct {
	name  string
	title string
	Origin
}

// note adds a note, once.
func (r *reader) note(n Note) {
	if len(r.notes) < maxNotes && !slices.Contains(r.notes, n) {
		r.notes = append(r.notes, n)
	}
}

// watchComment remembers a comment that may hold a knock.
func (r *reader) watchComment(at *position, indent int) {
	previous := at.comment
	at.comment = comment{at.Line, indent, at.Line == 1 || at.apart == at.Line-1}
	if previous.line == at.Line-1 && previous.line > 0 {
		at.comment.apart = previous.apart
	}
}

// watchColon notes a comment that lacks nothing but the colon.
func (r *reader) watchColon(at *position, m magicComment) {
	if !at.block.active || m.value == "" {
		return
	}
	first, _, _ := strings.Cut(m.value, " ")
	sequence := m.keyword == kwKnock && strings.Trim(m.value, "0123456789 \t,:/tcpudTCPUD") == ""
	number := m.keyword != kwKnock && strings.Trim(first, "0123456789.ms") == ""
	if sequence || number {
		r.note(Note{fmt.Sprintf("this comment is no %v, for want of a colon: # %[1]v: ...", m.keyword), true, at.Origin})
	}
}

// watchName notes a comment whose keyword is nearly one of ours.
func (r *reader) watchName(at *position, comment string) {
	name, _, colon := strings.Cut(strings.TrimLeft(comment[1:], " \t"), ":")
	if !at.block.active || !colon || strings.ContainsAny(name, " \t0123456789") || findKeyword(name) != kwNone {
		return
	}
	if kw := nearestKeyword(name); kw.isKnock() {
		r.note(Note{fmt.Sprintf("%q is no keyword, so this is a comment: is it %v?", name, kw), true, at.Origin})
	}
}

// watchBlock looks at the first line of a block: a comment directly above it
// belongs to the block before, which is seldom what was meant. It matters to the
// hosts of either block.
func (r *reader) watchBlock(at *position, kw keyword, v value, before bool, indent int) {
	above := at.textual
	at.textual = textual{title: v.text, host: kw == kwHost, line: at.Line}
	c := above.comment
	if c.line == 0 || c.line != at.Line-1 || c.indent != indent || !c.apart || !at.block.active && !before {
		return
	}
	belongs := "so it counts for every host"
	if above.line > 0 {
		belongs = fmt.Sprintf("so it belongs to the block of line %d", above.line)
	}
	r.note(Note{fmt.Sprintf("the knock is above %v, not below it, %s", blockName(kw, v.text), belongs), at.block.active, Origin{at.File, c.line}})
}

// watch looks at a keyword.
func (r *reader) watch(at *position, kw keyword, v value) {
	if at.block.active && kw.isKnock() && !v.comment && at.kind == sshFile && !ignores(r.ignored[0].text, lowerASCII(kw.String())) {
		r.note(Note{fmt.Sprintf("ssh reads no file with a keyword %v: make it a comment, # %[1]v: ..., or put IgnoreUnknown Knock* above it", kw), true, at.Origin})
	}
	switch {
	case kw == kwIgnoreUnknown:
		r.watchIgnoreUnknown(at, v)
	case kw == kwHostName && at.host && !at.block.active && !r.final:
		r.watchAlias(at, v)
	case kw.isKnock() && at.block.undecided != "" && !at.noted && !r.setting[kwKnock].isSet():
		at.noted = true
		r.note(Note{fmt.Sprintf("the knock in %v is not read, as its %q cannot be decided here",
			blockName(kwMatch, at.title), at.block.undecided), true, Origin{at.File, at.line}})
	}
}

// watchIgnoreUnknown notes an IgnoreUnknown for our keywords that comes too
// late: in ssh the first one counts.
func (r *reader) watchIgnoreUnknown(at *position, v value) {
	if !at.block.active || at.kind == sideFile {
		return
	}
	first := r.ignored[0]
	if first.text == "" {
		r.ignored[0] = v
		return
	}
	if first.Origin != v.Origin && ignores(v.text, "knock") && !ignores(first.text, "knock") {
		r.note(Note{fmt.Sprintf("this IgnoreUnknown is void, as the one of %s:%d came first: add Knock* to that", first.File, first.Line), true, at.Origin})
	}
}

// ignores reports whether the value of an IgnoreUnknown covers a keyword.
func ignores(list, name string) bool {
	words, ok := splitWords(list)
	return ok && len(words) > 0 && matchList(name, lowerASCII(words[0]))
}

// watchAlias remembers a block whose HostName is the name that was looked up.
func (r *reader) watchAlias(at *position, v value) {
	if !strings.Contains(v.text, "%") && len(v.text) != len(r.name) || len(r.aliases) == maxAliases {
		return
	}
	names, _ := splitWords(at.title)
	for _, name := range names {
		if !strings.ContainsAny(name, "*?!") && equalFold(expandHost(v.text, name), r.name) {
			r.aliases = append(r.aliases, alias{name, blockName(kwHost, name), Origin{at.File, at.line}})
			return
		}
	}
}

// adviseAlias notes that the host has a knock under another name.
func (r *reader) adviseAlias(s Sources, q Query) {
	for _, a := range r.aliases {
		other := newReader(s, Query{Name: a.name, User: q.User})
		if other.readAll() != nil || other.chosen(kwKnock).Line == 0 {
			continue
		}
		n := Note{fmt.Sprintf("%s, line %d, has HostName %s: pass -n %%n", a.title, a.Line, q.Name), true, a.Origin}
		r.notes = slices.Insert(r.notes, 0, n) // the likeliest reason comes first
		return
	}
}

// blockName is a block's first line, short enough to show.
func blockName(kw keyword, text string) string {
	const most = 40
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return kw.String() + " " + text
}
