package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"knockpipe/knock"
)

// The times of a door that a firewall guards by itself. Both get longer where the
// client is told to take its own.
const (
	stageTime = 2 * time.Second  // from one knock to the next
	openTime  = 10 * time.Second // from the last knock to the connection
)

// A stage is a knock, and the time that its sender then has for what comes next.
type stage struct {
	knock.Step
	place  int // in the sequence, from 1, as the client counts in what -vv tells
	of     int
	life   time.Duration // in whole seconds
	former int           // the place of the knock before it; zero for the first
	wait   int           // the seconds since that one
	last   bool
}

// name is the stage's in the comments of rules.
func (s *stage) name(kind string) string {
	name := fmt.Sprintf("knock %d of %d", s.place, s.of)
	if kind == "close" {
		return "closing " + name
	}
	return name
}

func (s *stage) seconds() int { return int(s.life / time.Second) }

// stages returns the knocks of a sequence, from the last to the first: rules that
// look at a packet in this order never take one packet for two knocks, not even
// where two knocks are the same.
func stages(seq knock.Sequence, delay time.Duration) ([]*stage, error) {
	var all []*stage
	life, last := openTime+delay, true // a connect keeps the delay too
	for i := len(seq) - 1; i >= 0; i-- {
		switch seq[i].Proto {
		case knock.FWKNOP:
			return nil, cannot(seq, i, "single packet authorization needs fwknopd")
		case knock.Once:
			return nil, cannot(seq, i, "one-time sequences need knockd")
		case knock.Exec:
			return nil, cannot(seq, i, "what a command sends is not known here")
		case knock.Pause:
			life += max(seq[i].Pause, delay)
			continue
		}
		s := &stage{Step: seq[i], place: i + 1, of: len(seq), life: (life + delay).Round(time.Second), last: last}
		if len(all) > 0 {
			all[len(all)-1].former, all[len(all)-1].wait = s.place, s.seconds()
		}
		all = append(all, s)
		life, last = stageTime, false
	}
	return all, nil
}

// openAndClose returns the stages of both sequences of a door.
func openAndClose(d *Door) (opening, closing []*stage, err error) {
	if opening, err = stages(d.Knock, d.Delay); err != nil {
		return nil, nil, err
	}
	if closing, err = stages(d.Close, d.Delay); err != nil {
		return nil, nil, fmt.Errorf("KnockClose: %w", err)
	}
	if len(closing) == 1 && closing[0].takes(opening[0].Step) {
		return nil, nil, errors.New("KnockClose is no more than the last knock, so the door would never open")
	}
	return opening, closing, nil
}

// anyDatagram is the payload of a bare UDP knock. All that counts then is the
// port, as knock(1) and nc put different things into a datagram.
const anyDatagram = "\x00"

// takes reports whether another step's packet is taken for this one.
func (s *stage) takes(other knock.Step) bool {
	same := s.Proto == other.Proto && s.Port == other.Port
	switch s.Proto {
	case knock.UDP:
		return same && (s.Payload == anyDatagram || s.Payload == other.Payload)
	case knock.ICMP:
		return same && s.Size == other.Size
	}
	return same
}

// compared is how much of a payload the firewalls compare; nftables reaches no
// further. The length of all of it counts too.
const compared = 256

// content is what to compare a datagram with; empty if its length is all that
// counts.
func (s *stage) content() string {
	if strings.Trim(s.Payload, "\x00") == "" {
		return ""
	}
	return s.Payload[:min(len(s.Payload), compared)]
}

// A family is a version of IP, and how the firewalls' languages spell it.
type family struct {
	n      string
	addr   string // nftables: of addresses
	icmp   string
	header int // bytes, without options
}

var families = []family{{"4", "ip", "icmp", 20}, {"6", "ip6", "icmpv6", 40}}

// lan returns who of a family comes in without a knock.
func (f *family) lan(d *Door) []string {
	var prefixes []string
	for _, p := range d.LAN {
		if p.Addr().Is4() == (f.n == "4") {
			prefixes = append(prefixes, p.String())
		}
	}
	return prefixes
}

// join returns ports separated by what the language has.
func join(ports []uint16, separator string) string {
	words := make([]string, len(ports))
	for i, port := range ports {
		words[i] = fmt.Sprint(port)
	}
	return strings.Join(words, separator)
}

// theDoor says in a sentence what is guarded.
func (d *Door) theDoor() string {
	if len(d.Ports) == 1 {
		return "TCP port " + join(d.Ports, "") + " is"
	}
	return "TCP ports " + join(d.Ports, ", ") + " are"
}

// ascends is the comment on a sequence that opens by chance.
const ascends = `#
# WARNING: a port scan that goes through the numbers in order knocks at these ports
# in passing, and opens the door. Take several, and mix them: high, low, middle.
`

// connects is the comment on steps that are whole connections.
const connects = `#
# Of a knock by a whole connection the first packet counts. Nothing has to listen
# on its port.
`

// beyond is the comment on long payloads.
const beyond = `#
# Of a payload longer than 256 bytes, the length and the first 256 bytes count.
`

// remarks are the comments that not every door needs.
func (d *Door) remarks() string {
	text := ""
	steps := slices.Concat(d.Knock, d.Close)
	if slices.ContainsFunc(steps, func(s knock.Step) bool { return s.Connect }) {
		text += connects
	}
	if slices.ContainsFunc(steps, func(s knock.Step) bool { return len(s.Payload) > compared && strings.Trim(s.Payload, "\x00") != "" }) {
		text += beyond
	}
	if Ascending(d.Knock) {
		text += ascends
	}
	return text
}
