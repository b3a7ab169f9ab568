package config

import "strings"

// A subject is what a Match line is compared with.
type subject struct {
	host      string // HostName as set so far, or the name that was given
	original  string // the name that was given
	user      string // User as set so far, or the local user
	localUser string
	anyUser   bool // the user typed may be another one
	final     bool // this is the second reading
}

// subject is what a Match line is compared with at this point.
func (r *reader) subject() *subject {
	s := &subject{host: r.hostName(), original: r.typed, user: r.user, localUser: r.sources.LocalUser, anyUser: r.anyUser, final: r.final}
	if s.user == "" {
		s.user = r.ssh[kwUser].text
	}
	if s.user == "" {
		s.user = r.sources.LocalUser
	}
	return s
}

// match decides a Match line as ssh does. wantFinal reports whether the line asks for a
// second reading. A malformed line does not apply. That does not matter, because ssh
// refuses it.
func (s *subject) match(value string) (b block, wantFinal bool) {
	b.active = true
	for n := 0; ; n++ {
		attribute, rest, ok := cutDelim(value)
		if !ok || attribute == "" || attribute[0] == commentMark {
			return block{active: b.active && n > 0 && b.undecided == "", undecided: b.whyNot(n)}, wantFinal
		}
		value = rest
		name, negated := strings.CutPrefix(attribute, "!")
		var holds bool
		switch lowered := lowerASCII(name); lowered {
		case "all":
			next, _, _ := cutDelim(value)
			if n > 1 || next != "" && next[0] != commentMark {
				return block{}, wantFinal
			}
			if negated {
				b.active = false
			}
			return block{active: b.active && b.undecided == "", undecided: b.whyNot(1)}, wantFinal
		case "final":
			wantFinal = true
			holds = s.final != negated
		case "canonical":
			holds = s.final != negated
		default:
			var argument string
			argument, value, ok = cutDelim(value)
			if !ok || argument == "" {
				return block{}, wantFinal
			}
			decided, known := s.compare(lowered, argument)
			if !known {
				return block{}, wantFinal
			}
			holds = (decided == yes) != negated
			if decided == unknowable || lowered == "user" && s.anyUser && !holds {
				if b.undecided == "" {
					b.undecided = lowered
				}
				continue
			}
		}
		b.active = b.active && holds
	}
}

// whyNot names the criterion that could not be decided, if the other ones of the n
// all hold.
func (b *block) whyNot(n int) string {
	if b.active && n > 0 {
		return b.undecided
	}
	return ""
}

// A decision is the result of a criterion.
type decision uint8

const (
	no decision = iota
	yes
	unknowable
)

// compare decides a criterion that has an argument. known reports whether there is
// such a criterion.
func (s *subject) compare(name, argument string) (d decision, known bool) {
	var holds bool
	switch name {
	case "host":
		holds = matchHostList(s.host, argument)
	case "originalhost":
		holds = matchHostList(s.original, argument)
	case "user":
		holds = matchList(s.user, argument)
	case "localuser":
		holds = matchList(s.localUser, argument)
	case "exec", "localnetwork", "tagged", "version", "command", "sessiontype":
		return unknowable, true
	default:
		return no, false
	}
	if holds {
		return yes, true
	}
	return no, true
}
