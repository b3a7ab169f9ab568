package config

import "strings"

// A block says whether the lines that follow apply.
type block struct {
	active  bool
	heading heading // with which it begins, be it in the file that includes this one

	// undecided names a criterion that cannot be decided here, if that is the
	// only reason why the block does not apply.
	undecided string
}

// within returns the block as it applies in a file that is included in outer.
func (b block) within(outer block) block {
	switch {
	case outer.active:
		return b
	case b.active:
		return block{heading: b.heading, undecided: outer.undecided}
	}
	return block{heading: b.heading}
}

// A heading is the Host or Match line that begins a block. It is zero for the lines
// before the first one in a file.
type heading struct {
	keyword keyword
	text    string
	line    int
}

// beginBlock decides a Host or Match line.
func (r *reader) beginBlock(at *position, kw keyword, v value) {
	at.heading = heading{kw, v.text, at.here.Line}
	at.block = block{heading: at.heading}
	if kw == kwHost {
		if words, ok := appendWords(r.words[:0], v.text); ok {
			at.block.active = matchHostLine(r.name, words)
			r.words = words
		}
	} else {
		var final bool
		at.block, final = r.subject().match(v.text)
		at.block.heading = at.heading
		r.again = r.again || final
	}
	at.block = at.block.within(at.outer)
}

// name returns the part of the line that may be shown: the words that ssh reads. A '#'
// ends them anywhere, and so does a Knock keyword, because the words after it are meant
// as a knock.
func (h heading) name() string {
	end := 0
	for i := 0; i < len(h.text); {
		if isBlank(h.text[i]) {
			i++
			continue
		}
		text, next, ok := cutWord(h.text, i)
		if !ok || strings.IndexByte(text, commentMark) >= 0 || findKeyword(strings.Trim(text, ":")).isKnock() {
			break
		}
		i, end = next, next
	}
	return blockName(h.keyword, h.text[:end])
}

// blockName returns the first line of a block, short enough to show.
func blockName(kw keyword, text string) string {
	const most = 40
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return strings.TrimSpace(kw.String() + " " + text)
}
