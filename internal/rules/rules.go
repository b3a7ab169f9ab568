package rules

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"knockpipe/knock"
)

// A Door is what is guarded, and what opens it.
type Door struct {
	Name  string   // the host's, for comments
	Ports []uint16 // the guarded ones, at least one; the first is the service port

	Knock knock.Sequence
	Close knock.Sequence // shuts the door again; may be empty
	Delay time.Duration  // the client's least pause between two knocks

	LAN []netip.Prefix // who comes in without a knock
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
	return fmt.Errorf("knock %d of %d (%s): %s", i+1, len(seq), seq[i].Kind(), why)
}

// ascending reports whether a port scan that goes through the numbers in order
// knocks the whole sequence in passing: nothing but TCP, or nothing but bare UDP,
// to ports that ascend.
func ascending(seq knock.Sequence) bool {
	kind, last := "", uint16(0)
	for _, step := range seq {
		var port uint16
		switch step := step.(type) {
		case knock.Pause:
			continue
		case knock.TCP:
			port = step.Port
		case knock.UDP:
			if step.Payload == knock.BarePayload {
				port = step.Port
			}
		}
		if port <= last || last > 0 && step.Kind() != kind {
			return false
		}
		kind, last = step.Kind(), port
	}
	return last > 0
}

// Warnings say what makes a sequence weak, without a port of it.
func Warnings(seq knock.Sequence) []string {
	var found []string
	switch {
	case ascending(seq) && seq.Knocks() == 1:
		found = append(found, "a port scan opens the door, as one port alone does: take several, and mix them")
	case ascending(seq):
		found = append(found, "the ports ascend, so that a port scan opens the door: mix them")
	}
	last := uint16(0) // the port of the knock before, if that was TCP
	for i, step := range seq {
		if step.Facts().Pause > 0 {
			continue
		}
		port := uint16(0)
		if tcp, ok := step.(knock.TCP); ok {
			port = tcp.Port
		}
		if port > 0 && port == last {
			found = append(found, fmt.Sprintf("knock %d is the one before it again, and so is a SYN that gets no answer: any connect to that port can be both", i+1))
		}
		last = port
	}
	return found
}
