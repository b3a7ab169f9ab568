package config

import (
	"net/netip"
	"slices"
	"strings"
)

// A watch collects, while the files are read for a HostName, what is needed to find its
// aliases.
type watch struct {
	host    string     // the HostName
	ipv4    bool       // it is an IPv4 address
	aliases []string   // names whose own block says so
	loose   []hostLine // blocks that say so of names which stand elsewhere
	knock   bool       // there may be one in the files
}

// A hostLine is a HostName line, and the first line of its block.
type hostLine struct {
	heading heading
	value   string
}

func newWatch(host string) *watch {
	addr, err := netip.ParseAddr(host)
	return &watch{host: finalName(host), ipv4: err == nil && addr.Is4()}
}

// line looks at a line that has been read.
func (w *watch) line(at *position, l *line) {
	switch {
	case l.kind == commentLine, l.keyword.isKnock():
		w.knock = true
	case l.kind == proseLine:
		w.knock = w.knock || l.text != "" && mayNearlyHoldKnock(l.text)
	case l.keyword == kwHost, l.keyword == kwMatch:
		w.fold(at.heading)
	case l.keyword == kwHostName:
		w.hostName(at, l.value.text)
	case l.keyword == kwInclude: // %n and %h name another file for an alias
		w.knock = w.knock || strings.Contains(l.value.text, "%")
	}
	if l.kind == keywordLine && !w.knock && strings.IndexByte(l.value.text, commentMark) >= 0 {
		w.knock = true // behind a line, where it is worth a note
	}
}

// fold watches for a name that is the HostName in another form: ssh writes a HostName in
// lower case and an IPv6 address in its short form, but compares patterns with what was
// typed.
func (w *watch) fold(h heading) {
	if !containsFold(h.text, w.host) && !strings.ContainsAny(h.text, ":\"'\\") {
		return
	}
	for _, name := range h.names() {
		if w.is(name) {
			w.aliases = append(w.aliases, name)
		}
	}
}

// hostName watches for a HostName line that can expand to the HostName in question.
func (w *watch) hostName(at *position, text string) {
	if !equalFold(text, w.host) && !strings.ContainsAny(text, "%:\"'\\# \t") && !w.isNumeric(text) {
		return
	}
	words, ok := SplitWords(text)
	if !ok || len(words) == 0 || len(words[0]) > maxName {
		return
	}
	h := at.block.heading
	switch value := words[0]; {
	case !strings.Contains(value, "%") && !w.comesOut(value, ""):
	case h.keyword == kwHost && !strings.ContainsAny(h.text, "*?!"):
		for _, name := range h.names() {
			if w.comesOut(value, name) {
				w.aliases = append(w.aliases, name)
			}
		}
	default:
		w.loose = append(w.loose, hostLine{h, value})
	}
}

// comesOut reports whether a HostName line gives an alias the HostName in question.
func (w *watch) comesOut(value, alias string) bool { return w.is(expandHost(value, alias)) }

// valueComesOut is comesOut for a HostName line that has not been split.
func (w *watch) valueComesOut(v value, alias string) bool {
	words, ok := SplitWords(v.text)
	return ok && len(words) > 0 && w.comesOut(words[0], alias)
}

// is reports whether a host name is the HostName in question.
func (w *watch) is(got string) bool {
	if !strings.Contains(got, ":") {
		return equalFold(got, w.host) || w.isNumeric(got)
	}
	_, err := netip.ParseAddr(got)
	return err == nil && finalName(got) == w.host || equalFold(got, w.host)
}

// names returns the plain ones of the words of a line.
func (h heading) names() []string {
	return slices.DeleteFunc(h.words(), func(word string) bool { return strings.ContainsAny(word, "*?!") })
}

// isNumeric reports whether a host name is the IPv4 address that is looked for, in one of
// the older forms that ssh writes anew: 127.1 or 0x7f000001.
func (w *watch) isNumeric(got string) bool {
	if !w.ipv4 {
		return false
	}
	addr, ok := parseOldIPv4(got)
	return ok && addr.String() == w.host
}

// words returns the names and patterns of a Host line, and those that a Match line
// compares the host with.
func (h heading) words() []string {
	var words []string
	if h.keyword == kwHost {
		all, _ := SplitWords(h.text)
		for i, word := range all {
			if beginsKnock(all[i:]) {
				break
			}
			if word != "" {
				words = append(words, word)
			}
		}
		return words
	}
	for rest := h.text; ; {
		var attribute, argument string
		var ok bool
		if attribute, rest, ok = cutDelim(rest); !ok || attribute == "" || attribute[0] == commentMark {
			return words
		}
		switch attribute = lowerASCII(attribute); strings.TrimPrefix(attribute, "!") {
		case "all", "final", "canonical":
			continue
		}
		if argument, rest, ok = cutDelim(rest); !ok {
			return words
		}
		if attribute == "host" || attribute == "originalhost" {
			words = append(words, strings.FieldsFunc(argument, func(c rune) bool { return c == ',' })...)
		}
	}
}

// beginsKnock reports whether the words of a Host line are meant as a knock. If so, they
// are not names and must not be shown. A host may be called knock, though.
func beginsKnock(words []string) bool {
	name := words[0][strings.IndexByte(words[0], commentMark)+1:]
	name, _, colon := strings.Cut(name, ":")
	step := len(words) > 1 && strings.Trim(words[1], "0123456789,:/tcpudTCPUD") == ""
	return findKeyword(name).isKnock() && (colon || step)
}

// mayApply reports whether a block can apply to a name before anything has given it a
// HostName, and for whatever user.
func (h heading) mayApply(name, localUser string) bool {
	switch h.keyword {
	case kwHost:
		words, ok := appendWords(nil, h.text)
		return ok && matchHostLine(name, words)
	case kwMatch:
		b, _ := (&subject{host: name, original: name, localUser: localUser, anyUser: true}).match(h.text)
		return b.active || b.undecided != ""
	}
	return true
}

// containsFold reports whether part, which is in lower case, stands in s.
func containsFold(s, part string) bool {
	for i := 0; i+len(part) <= len(s); i++ {
		if lower(s[i]) == part[0] && equalFold(s[i:i+len(part)], part) {
			return true
		}
	}
	return false
}
