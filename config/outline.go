package config

import "strings"

// An outline records where the blocks and the Includes of a file begin: all that a
// further reading has to look at in blocks that do not apply.
type outline []mark

// A mark is one such line, which begins at an offset. The first mark of an outline is
// the beginning of the file. A file is small enough for 32 bits.
type mark struct {
	offset, line int32

	// names are the words of a Host line that has neither patterns nor quotes, so that
	// it need not be parsed again: an offset and a length. None is any other line.
	names, length int32

	// keep makes a reading include the lines up to the next mark: a knock is right above
	// the block that begins there, which is worth a note.
	keep bool
}

// add adds a line that begins at an offset.
func (o outline) add(offset, number int, l *line) outline {
	m := mark{offset: int32(offset), line: int32(number)}
	if l.keyword == kwHost && isPlain(l.value.text) {
		m.names, m.length = int32(offset+l.value.offset), int32(len(l.value.text))
	}
	return append(o, m)
}

// isPlain reports whether the words of a Host line are plain names.
func isPlain(text string) bool {
	for i := range len(text) {
		switch text[i] {
		case '*', '?', '!', '"', '\'', '\\', commentMark:
			return false
		}
	}
	return true
}

// next returns the number of the next mark after i that may matter to a name.
func (in *input) next(i int, name string) int {
	for i++; i < len(in.outline); i++ {
		m := &in.outline[i]
		if m.keep || m.length == 0 || strings.Contains(in.text[m.names:m.names+m.length], name) {
			break
		}
	}
	return i
}

// headings returns the Host and Match lines of all files, without their lines' numbers.
func (f *files) headings() []heading {
	var headings []heading
	for _, in := range f.order {
		for i := range in.outline {
			text, _, _ := strings.Cut(in.text[in.outline[i].offset:], "\n")
			name, argument, ok := cutKeyword(trimEnd(text))
			if kw := findKeyword(name); ok && (kw == kwHost || kw == kwMatch) {
				headings = append(headings, heading{keyword: kw, text: argument})
			}
		}
	}
	return headings
}
