package config

import "strings"

// A word is one argument of a line.
type word struct {
	text   string // without quotes and escapes
	offset int    // the byte of the value at which it starts
}

// appendWords splits a value as ssh splits arguments (misc.c, argv_split) and
// appends them to words. It reports whether the quotes are balanced.
//
// Single and double quotes are equal and can begin inside a word. A backslash removes the
// special meaning of a quote, a backslash and, outside quotes, a blank. Before anything
// else it stands for itself. A '#' ends the line where it begins a word, and is data
// elsewhere.
func appendWords(words []word, value string) ([]word, bool) {
	for i := 0; i < len(value); {
		if value[i] == ' ' || value[i] == '\t' {
			i++
			continue
		}
		if value[i] == '#' {
			break
		}
		text, end, ok := cutWord(value, i)
		if !ok {
			return words, false
		}
		words = append(words, word{text, i})
		i = end
	}
	return words, true
}

// cutWord reads the word at value[start:] and returns where it ends. A word
// without quotes and escapes is not copied.
func cutWord(value string, start int) (text string, end int, ok bool) {
	plain := start
	for plain < len(value) && strings.IndexByte(" \t\\\"'", value[plain]) < 0 {
		plain++
	}
	if plain == len(value) || value[plain] == ' ' || value[plain] == '\t' {
		return value[start:plain], plain, true
	}
	var b strings.Builder
	b.WriteString(value[start:plain])
	var quote byte // the open one, or 0
	i := plain
	for ; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\' && i+1 < len(value) && escapable(value[i+1], quote):
			i++
			b.WriteByte(value[i])
		case quote == 0 && (c == ' ' || c == '\t'):
			return b.String(), i, true
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), i, quote == 0
}

func escapable(c, quote byte) bool {
	return c == '"' || c == '\'' || c == '\\' || quote == 0 && c == ' '
}

// SplitWords returns the text of each word of a value. It reports whether the quotes are
// balanced.
func SplitWords(value string) ([]string, bool) {
	words, ok := appendWords(nil, value)
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	return texts, ok
}

// joinWords is the inverse of SplitWords for -G: a word that would not be read
// back as one is quoted, and a control character, which could steer a terminal,
// is shown as '?'.
func joinWords(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		w = strings.Map(func(r rune) rune {
			if r < ' ' || 0x7f <= r && r < 0xa0 {
				return '?'
			}
			return r
		}, w)
		if w == "" || w[0] == '#' || strings.ContainsAny(w, " \\\"'") {
			w = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(w) + `"`
		}
		quoted[i] = w
	}
	return strings.Join(quoted, " ")
}
