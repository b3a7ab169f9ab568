package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

const (
	// maxAliases bounds how many aliases of one HostName may have a knock.
	maxAliases = 64

	// maxWork bounds the search for them: some 0.2 s, or 260 aliases in a file of 4,000
	// blocks. Each block that a reading skips counts one, and so does each workBytes of
	// text that it reads.
	maxWork   = 1 << 20
	workBytes = 16

	// maxTyped bounds how many names are tried that stand nowhere in the files.
	maxTyped = 4
)

// An AliasError says that the HostName does not determine which knock is meant. The name
// that the user typed does.
type AliasError struct{ text string }

func (e *AliasError) Error() string { return e.text }

// A candidate is a name that may be meant, and its settings.
type candidate struct {
	reader   *reader
	settings *Settings
	err      error // a line of its own that cannot be read
}

// meant finds the settings that a HostName stands for, after r has read the files for it.
// ssh passes only the HostName, but people write a block for the name that they type.
// Each alias that has this HostName is therefore a candidate, and so is the HostName
// itself. Those that have a Knock count. The port decides only between those that differ,
// because ssh may be given any port.
func (r *reader) meant(port uint16) (*Settings, error) {
	aliases, unsure, ok := r.aliases()
	if !ok {
		return nil, &AliasError{r.typed + ": too many blocks may apply"}
	}
	var count []candidate
	var others []*reader
	for _, a := range append(aliases, r) {
		switch {
		case a.chosen(kwKnock).origin.Line > 0:
			settings, err := a.settings()
			count = append(count, candidate{a, settings, err})
		case a != r:
			others = append(others, a)
		}
	}
	if len(count) > maxAliases {
		return nil, &AliasError{fmt.Sprintf("%s: more than %d of its aliases have a knock", r.typed, maxAliases)}
	}
	if len(count) == 0 {
		settings, err := r.settings()
		if err == nil {
			settings.adviseKnockless(others, unsure)
			settings.advisePattern(r)
		}
		return settings, err
	}
	chosen := count
	if !r.agree(chosen) {
		chosen = slices.DeleteFunc(slices.Clone(count), func(c candidate) bool { return c.reader.port() != port })
	}
	for _, c := range chosen {
		if c.err != nil {
			return nil, c.err
		}
	}
	if len(chosen) == 0 || !r.agree(chosen) {
		why := "their settings differ"
		if kind := onlyByName(chosen); kind != "" {
			why = fmt.Sprintf("%s takes the stanza of that name: write %[1]s:STANZA", kind)
		}
		return nil, &AliasError{fmt.Sprintf("%s may be %s, and %s", r.typed, list(count), why)}
	}
	settings := chosen[0].settings
	if len(chosen) < len(count) {
		text := fmt.Sprintf("port %d decides: %s may be %s", port, r.typed, list(count))
		settings.Notes = append(settings.Notes, Note{text, false, settings.Origin("Knock")})
	}
	for _, a := range others {
		text := fmt.Sprintf("%s also has HostName %s, but no knock of its own", a.typed, r.typed)
		settings.Notes = append(settings.Notes, Note{text, false, a.chosen(kwHostName).origin})
	}
	return settings, nil
}

// aliases returns a reader for each alias whose HostName is the name that r was made for,
// each after its reading. Unsure are those that only ssh can decide. It reports false if
// the search would take too long.
func (r *reader) aliases() (found, unsure []*reader, ok bool) {
	left := maxWork
	names := slices.Clone(r.watch.aliases)
	if len(r.watch.loose) > 0 {
		var all []string
		for _, h := range r.files.headings() {
			all = append(all, h.names()...)
		}
		for _, l := range r.watch.loose {
			left -= len(all)
			for _, name := range all {
				if left < 0 {
					return nil, nil, false
				}
				if !r.watch.comesOut(l.value, name) {
					continue
				}
				left -= len(l.heading.text) / workBytes
				if l.heading.mayApply(name, r.sources.LocalUser) {
					names = append(names, name)
				}
			}
		}
	}
	tried := map[string]bool{r.typed: true}
	for _, name := range names {
		if tried[name] {
			continue
		}
		tried[name] = true
		a := r.as(name)
		err := a.readAll()
		if left -= a.work; left < 0 {
			return nil, nil, false
		}
		if err != nil { // so ssh does not read it either
			continue
		}
		switch {
		case r.watch.is(a.hostName()):
			found = append(found, a)
		case slices.ContainsFunc(a.undecided, func(v value) bool { return r.watch.valueComesOut(v, name) }):
			unsure = append(unsure, a)
		}
	}
	return found, unsure, true
}

// agree reports whether candidates have the same values of all settings that are
// honoured. Two aliases never agree if the name decides which secret is sent.
func (r *reader) agree(candidates []candidate) bool {
	if len(candidates) < 2 {
		return true
	}
	for _, c := range candidates[1:] {
		if c.err == nil && c.reader != r && (c.settings.Knock.ByName() || c.settings.KnockClose.ByName()) {
			return false
		}
	}
	return same(candidates)
}

// same reports whether candidates have the same words for all that is honoured.
func same(candidates []candidate) bool {
	first := candidates[0]
	for _, c := range candidates[1:] {
		if first.err != nil || c.err != nil || !reflect.DeepEqual(first.settings.honoured(), c.settings.honoured()) {
			return false
		}
	}
	return true
}

// onlyByName returns the kind of knock that keeps candidates from being the same, where
// nothing but their names does.
func onlyByName(candidates []candidate) string {
	if len(candidates) < 2 || !same(candidates) {
		return ""
	}
	for _, step := range slices.Concat(candidates[0].settings.Knock, candidates[0].settings.KnockClose) {
		if step.Facts().ByName {
			return step.Kind()
		}
	}
	return ""
}

// honoured returns the settings without what says where they come from, and without
// what ssh itself decides and passes on.
func (s *Settings) honoured() Settings {
	h := *s
	h.Alias, h.HostName, h.User, h.Port = "", "", "", 0
	h.Notes, h.entries, h.origins = nil, nil, [numKeywords]Origin{}
	return h
}

// adviseKnockless says why a HostName may have no knock: the notes on its aliases, and
// the blocks that cannot be decided.
func (s *Settings) adviseKnockless(aliases, unsure []*reader) {
	for _, a := range slices.Concat(aliases, unsure) {
		for _, n := range a.advice.notes {
			if n.Hint && !slices.Contains(s.Notes, n) {
				s.Notes = append(s.Notes, n)
			}
		}
	}
	for _, a := range unsure {
		if a.chosen(kwKnock).origin.Line > 0 {
			text := "knockpipe cannot tell whether this HostName applies: pass -n %n, and -l %r for Match user"
			s.Notes = append(s.Notes, Note{text, true, a.undecided[0].origin})
		}
	}
}

// advisePattern says that the HostName has a knock by a name that stands nowhere in the
// files, because its block is for a pattern.
func (s *Settings) advisePattern(r *reader) {
	tried := 0
	for _, l := range r.watch.loose {
		for _, name := range l.typed(r.watch.host) {
			if !l.heading.mayApply(name, r.sources.LocalUser) {
				continue
			}
			if tried++; tried > maxTyped {
				return
			}
			a := r.as(name)
			if a.readAll() != nil || !r.watch.is(a.hostName()) {
				continue
			}
			if of, err := a.settings(); err == nil && len(of.Knock) > 0 {
				text := fmt.Sprintf("a name such as %s has this HostName and this Knock, but knockpipe was told only the HostName: if ssh was given such a name, pass -n %%n", name)
				s.Notes = append(s.Notes, Note{text, true, of.Origin("Knock")})
				return
			}
		}
	}
}

// typed returns what somebody may have typed to get the HostName by this line: what stands
// for %h in it, or where it has no %h, an example of each pattern.
func (l hostLine) typed(host string) []string {
	before, after, found := strings.Cut(l.value, "%h")
	if !found {
		var names []string
		for _, e := range l.heading.examples() {
			if e.pattern {
				names = append(names, e.name)
			}
		}
		return names
	}
	n := len(host) - len(before) - len(after)
	if n <= 0 || strings.Contains(before+after, "%") || !equalFold(host[:len(before)], before) || !equalFold(host[len(before)+n:], after) {
		return nil
	}
	return []string{host[len(before) : len(before)+n]}
}

// port is that of the block, as ssh has it.
func (r *reader) port() uint16 {
	if words, err := r.chosen(kwPort).words(kwPort); err == nil {
		if port, err := parsePort(words[0].text); err == nil {
			return port
		}
	}
	return 22
}

// list names candidates by their Knock lines, the first few of them.
func list(candidates []candidate) string {
	const most, or = 4, " or "
	var names []string
	for _, c := range candidates[:min(most, len(candidates))] {
		names = append(names, fmt.Sprintf("%s (%v)", c.reader.typed, c.reader.chosen(kwKnock).origin))
	}
	text := strings.Join(names, or)
	if more := len(candidates) - most; more > 0 {
		text += fmt.Sprintf("%sone of %d more", or, more)
	}
	return text
}
