package rules

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"knockpipe/internal/ip"
	"knockpipe/knock"
)

// The times of a door that a firewall guards by itself. Both are longer if the client is
// told to take its time.
const (
	stageTime = 2 * time.Second  // from one knock to the next
	openTime  = 10 * time.Second // from the last knock to the connection
)

// The rate distinguishes a scan from knocks: a client sends fewer packets a second than
// this, besides a burst. It sends at most 40 knocks in its first second.
const (
	rate  = 100
	burst = 200
)

// A stage is a knock, and the time that its sender then has for the next one.
type stage struct {
	step    knock.Step
	host    int  // whose knock it is, from 1
	closing bool // of the sequence that shuts the door
	place   int  // in the sequence, from 1, as the client counts in what -vv tells
	of      int
	life    time.Duration // in whole seconds
	former  int           // the place of the knock before it; zero for the first
	wait    int           // the seconds since that one
	last    bool
	match   map[ip.Family]string // what tells its packet from all others
}

// name returns the stage's name in the comments of rules.
func (s *stage) name() string {
	name := fmt.Sprintf("knock %d of %d", s.place, s.of)
	if s.closing {
		name = "closing " + name
	}
	if s.host > 1 {
		name += fmt.Sprintf(", host %d", s.host)
	}
	return name
}

func (s *stage) seconds() int { return int(s.life / time.Second) }

// A matcher says in a firewall's language what distinguishes a knock's packet from all
// others. It is an error if the language cannot express the knock.
type matcher func(step knock.Step, f family) (string, error)

// stages returns the knocks of a sequence, from the last to the first: rules that look at
// a packet in this order never take one packet for two knocks, even if two knocks are the
// same.
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

// A way is one host's knocks as a firewall sees them.
type way struct {
	opening, closing []*stage // from the last to the first
}

// resets are the stages of the closing sequence that are forgotten when a client opens
// the door: a client that repeats the sequence must not close the door by accident.
func (w *way) resets() []*stage { return w.closing[min(1, len(w.closing)):] }

// ways returns the ways through a door, one for each host.
func (d *Door) ways(match matcher) ([]*way, error) {
	var all []*way
	for i := range d.Hosts {
		w, err := d.Hosts[i].way(match)
		if err != nil {
			return nil, d.of(&d.Hosts[i], err)
		}
		for _, s := range slices.Concat(w.opening, w.closing) {
			s.host = i + 1
		}
		all = append(all, w)
	}
	return all, nil
}

func (h *Host) way(match matcher) (*way, error) {
	w := new(way)
	var err error
	if w.opening, err = stages(h.Knock, h.Delay, match); err != nil {
		return nil, err
	}
	if w.closing, err = stages(h.Close, h.Delay, match); err != nil {
		return nil, fmt.Errorf("KnockClose: %w", err)
	}
	for _, s := range w.closing {
		s.closing = true
	}
	if len(w.closing) == 1 && takes(w.closing[0].step, w.opening[0].step) {
		return nil, errors.New("KnockClose is the same as the last knock, so the door would never open")
	}
	return w, nil
}

// openSeconds is how long a door is open at most.
func openSeconds(ways []*way) int {
	longest := 0
	for _, w := range ways {
		longest = max(longest, w.opening[0].seconds())
	}
	return longest
}

// errNoCase is a format's error for a kind of knock that it does not support.
func errNoCase(step knock.Step) error {
	if server := step.Facts().Server; server != "" {
		return errors.New(server)
	}
	return errors.New("this format does not support it")
}

// takes reports whether another step's packet also counts as this step's. Of a bare
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

// content returns what to compare a datagram with. It is empty if only the length counts.
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
	mask    string
	bits    int // of the mask: the network that -wide lets in
}

var families = []family{
	{version: ip.V4, n: "4", addr: "ip", icmp: "icmp", header: 20, mask: "255.255.255.0", bits: 24},
	{version: ip.V6, n: "6", addr: "ip6", icmp: "icmpv6", header: 40, mask: "ffff:ffff:ffff:ffff::", bits: 64},
}

// join returns ports separated by what the language has.
func join(ports []uint16, separator string) string {
	words := make([]string, len(ports))
	for i, port := range ports {
		words[i] = strconv.Itoa(int(port))
	}
	return strings.Join(words, separator)
}

// wide is the comment on doors that let in networks.
const wide = `#
# A knock lets in the sender's whole network, a /24 for IPv4 or a /64 for IPv6, because
# its knocks and its connection may come from different addresses. Strangers may share it.
`

// inOrder is the comment on a sequence that opens by chance.
const inOrder = `#
# WARNING: these ports are close together and in order, so even a slow port scan opens
# the door. Use random ports.
`

// connects is the comment on steps that are whole connections.
const connects = `#
# Of a knock with the option "connect", only the first packet counts. Nothing has to
# listen on its port.
`

// beyond is the comment on long payloads.
const beyond = `#
# Of a payload longer than 256 bytes, only the length and the first 256 bytes count.
`

// remarks returns the comments that only some doors need.
func (d *Door) remarks() string {
	whole, long, weak := false, false, false
	for _, h := range d.Hosts {
		for _, step := range slices.Concat(h.Knock, h.Close) {
			switch step := step.(type) {
			case knock.TCP:
				whole = whole || step.Connect
			case knock.UDP:
				long = long || len(step.Payload) > compared && content(step.Payload) != ""
			}
		}
		weak = weak || near(h.Knock)
	}
	text := ""
	if whole {
		text += connects
	}
	if long {
		text += beyond
	}
	if weak {
		text += inOrder
	}
	if d.Wide {
		text += wide
	}
	return text
}
