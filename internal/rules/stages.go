package rules

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"knockpipe/internal/ip"
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
	step    knock.Step
	closing bool // of the sequence that shuts the door
	place   int  // in the sequence, from 1, as the client counts in what -vv tells
	of      int
	life    time.Duration // in whole seconds
	former  int           // the place of the knock before it; zero for the first
	wait    int           // the seconds since that one
	last    bool
	match   map[ip.Family]string // what tells its packet from all others
}

// name is the stage's in the comments of rules.
func (s *stage) name() string {
	name := fmt.Sprintf("knock %d of %d", s.place, s.of)
	if s.closing {
		return "closing " + name
	}
	return name
}

func (s *stage) seconds() int { return int(s.life / time.Second) }

// A matcher says in a firewall's language what tells a knock's packet from all
// others. The error is about a knock that the language cannot express.
type matcher func(step knock.Step, f family) (string, error)

// stages returns the knocks of a sequence, from the last to the first: rules that
// look at a packet in this order never take one packet for two knocks, not even
// where two knocks are the same.
func stages(seq knock.Sequence, delay time.Duration, match matcher) ([]*stage, error) {
	var all []*stage
	life, last := openTime+delay, true // a connect keeps the delay too
	for i, step := range slices.Backward(seq) {
		if pause := step.Facts().Pause; pause > 0 {
			life += max(pause, delay)
			continue
		}
		s := &stage{step: step, place: i + 1, of: len(seq), life: (life + delay).Round(time.Second), last: last,
			match: make(map[ip.Family]string)}
		for _, f := range families {
			var err error
			if s.match[f.version], err = match(step, f); err != nil {
				return nil, cannot(seq, i, err.Error())
			}
		}
		if len(all) > 0 {
			all[len(all)-1].former, all[len(all)-1].wait = s.place, s.seconds()
		}
		all = append(all, s)
		life, last = stageTime, false
	}
	return all, nil
}

// openAndClose returns the stages of both sequences of a door.
func openAndClose(d *Door, match matcher) (opening, closing []*stage, err error) {
	if opening, err = stages(d.Knock, d.Delay, match); err != nil {
		return nil, nil, err
	}
	if closing, err = stages(d.Close, d.Delay, match); err != nil {
		return nil, nil, fmt.Errorf("KnockClose: %w", err)
	}
	for _, s := range closing {
		s.closing = true
	}
	if len(closing) == 1 && takes(closing[0].step, opening[0].step) {
		return nil, nil, errors.New("KnockClose is no more than the last knock, so the door would never open")
	}
	return opening, closing, nil
}

// errNoCase is what a firewall's language says of a kind of knock that it has no case
// for.
func errNoCase(step knock.Step) error {
	if server := step.Facts().Server; server != "" {
		return errors.New(server)
	}
	return errors.New("this format does not know it")
}

// takes reports whether another step's packet is taken for that of a step. Of a bare
// datagram, only the port counts.
func takes(step, other knock.Step) bool {
	switch step := step.(type) {
	case knock.TCP:
		other, ok := other.(knock.TCP)
		return ok && step.Port == other.Port
	case knock.UDP:
		other, ok := other.(knock.UDP)
		return ok && step.Port == other.Port && (step.Payload == knock.BarePayload || step.Payload == other.Payload)
	}
	return step == other
}

// compared is how much of a payload the firewalls compare; nftables reaches no
// further. The length of all of it counts too.
const compared = 256

// content is what to compare a datagram with; empty if its length is all that
// counts.
func content(payload string) string {
	if strings.Trim(payload, "\x00") == "" {
		return ""
	}
	return payload[:min(len(payload), compared)]
}

// A family is a version of IP, and how the firewalls' languages spell it.
type family struct {
	version ip.Family
	n       string
	addr    string // nftables: of addresses
	icmp    string
	header  int // bytes, without options
}

var families = []family{{ip.V4, "4", "ip", "icmp", 20}, {ip.V6, "6", "ip6", "icmpv6", 40}}

// lan returns who of a family comes in without a knock.
func (d *Door) lan(version ip.Family) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(d.LAN), func(p netip.Prefix) bool { return !version.Has(p.Addr()) })
}

// join returns ports separated by what the language has.
func join(ports []uint16, separator string) string {
	words := make([]string, len(ports))
	for i, port := range ports {
		words[i] = strconv.Itoa(int(port))
	}
	return strings.Join(words, separator)
}

// guarded says in a sentence what is guarded. It goes on with "shut".
func (d *Door) guarded() string {
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
	whole, long := false, false
	for _, step := range slices.Concat(d.Knock, d.Close) {
		switch step := step.(type) {
		case knock.TCP:
			whole = whole || step.Connect
		case knock.UDP:
			long = long || len(step.Payload) > compared && content(step.Payload) != ""
		}
	}
	text := ""
	if whole {
		text += connects
	}
	if long {
		text += beyond
	}
	if ascending(d.Knock) {
		text += ascends
	}
	return text
}
