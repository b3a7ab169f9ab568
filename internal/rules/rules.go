package rules

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"knockpipe/knock"
	"knockpipe/knock/fwknop"
)

// A Door is what is guarded, and what opens it.
type Door struct {
	Name  string   // the host's, for comments
	Ports []uint16 // the guarded ones, at least one; the first is the service port

	Knock knock.Sequence
	Close knock.Sequence // shuts the door again; may be empty
	Delay time.Duration  // the client's least pause between two knocks

	LAN    []netip.Prefix // who comes in without a knock
	Stanza *fwknop.Stanza // of a step fwknop; nil without one
}

// A writer makes the configuration in one format. Its errors are about a door
// that the format cannot express.
type writer func(d *Door) (string, error)

var formats = map[string]writer{
	"fwknopd":  fwknopd,
	"iptables": iptables,
	"knockd":   knockd,
	"mikrotik": mikrotik,
	"nftables": nftables,
}

// Formats returns the names of the formats, in order.
func Formats() []string {
	var names []string
	for name := range formats {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Make returns the configuration of a door in a format. The error says what the
// format cannot express, and does not show the sequence.
func Make(format string, d *Door) (string, error) {
	write := formats[format]
	switch {
	case write == nil:
		return "", fmt.Errorf("unknown format %q: %s", format, strings.Join(Formats(), ", "))
	case len(d.Knock) == 0:
		return "", errors.New("no knock is configured for " + d.Name)
	}
	text, err := write(d)
	if err != nil {
		return "", fmt.Errorf("%s: %w", format, err)
	}
	return text, nil
}

// cannot is the error for a step that a format cannot express.
func cannot(seq knock.Sequence, i int, why string) error {
	return fmt.Errorf("knock %d of %d (%v): %s", i+1, len(seq), seq[i].Proto, why)
}

// Ascending reports whether a port scan that goes through the numbers in order
// knocks the whole sequence in passing: nothing but TCP, or nothing but bare UDP,
// to ports that ascend.
func Ascending(seq knock.Sequence) bool {
	var last knock.Step
	for _, step := range seq {
		switch {
		case step.Proto == knock.Pause:
			continue
		case step.Proto != knock.TCP && (step.Proto != knock.UDP || step.Payload != anyDatagram):
			return false
		case last.Port > 0 && step.Proto != last.Proto, step.Port <= last.Port:
			return false
		}
		last = step
	}
	return last.Port > 0
}

// Warnings say what makes a sequence weak, without a port of it.
func Warnings(seq knock.Sequence) []string {
	var found []string
	switch {
	case Ascending(seq) && seq.Knocks() == 1:
		found = append(found, "a port scan opens the door, as one port alone does: take several, and mix them")
	case Ascending(seq):
		found = append(found, "the ports ascend, so that a port scan opens the door: mix them")
	}
	var last *knock.Step
	for i := range seq {
		step := &seq[i]
		if step.Proto == knock.Pause {
			continue
		}
		if last != nil && step.Proto == knock.TCP && step.Port == last.Port && last.Proto == knock.TCP {
			found = append(found, fmt.Sprintf("knock %d is the one before it again, and so is a SYN that gets no answer: any connect to that port can be both", i+1))
		}
		last = step
	}
	return found
}
