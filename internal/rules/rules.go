package rules

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"knockpipe/internal/ip"
	"knockpipe/knock"
)

// A Door is the guarded ports and what opens them.
type Door struct {
	Ports []uint16 // the guarded ones, at least one; the first is the service port
	Hosts []Host   // whose knocks open it, at least one

	LAN   []netip.Prefix // who comes in without a knock
	Trial time.Duration  // after which the guard is gone by itself, in whole seconds; zero is never
	Wide  bool           // who knocks lets in the /24 (IPv4) or /64 (IPv6) of its address
}

// A Host is an entry of the client's config: a user's way to the door.
type Host struct {
	Name string // for comments
	Port uint16 // that ssh connects to

	Knock knock.Sequence
	Close knock.Sequence // shuts the door again; may be empty
	Delay time.Duration  // the client's least pause between two knocks
}

// A writer makes the configuration in one format. It is an error if the format cannot
// express the door.
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

// Make returns the configuration of a door in a format. The error says what the format
// cannot express and does not show the sequence.
func Make(format string, d *Door) (string, error) {
	write := formats[format]
	if write == nil {
		return "", fmt.Errorf("unknown format %q: %s", format, strings.Join(Formats(), ", "))
	}
	for _, h := range d.Hosts {
		switch {
		case len(h.Knock) == 0:
			return "", errors.New("no knock is configured for " + h.Name)
		case h.Knock.Single() && format != "nftables": // whose own reasons come first
			return "", fmt.Errorf("%s: %w", format, d.of(&h, cannot(h.Knock, 0, h.Knock[0].Facts().Server)))
		}
	}
	if err := d.conflict(); err != nil {
		return "", fmt.Errorf("%s: %w", format, err)
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

// of says which host an error is about, where there are several.
func (d *Door) of(h *Host, err error) error {
	if err == nil || len(d.Hosts) == 1 {
		return err
	}
	return fmt.Errorf("%s: %w", h.Name, err)
}

// conflict is the error of a door that one host shuts by what opens it for another: by the
// last packet of both. Which of the two it does depends on the order of the rules.
func (d *Door) conflict() error {
	for i, shuts := range d.Hosts {
		for j, opens := range d.Hosts {
			if i != j && ends(opens.Knock, shuts.Close) {
				return fmt.Errorf("the knock of %s is KnockClose of %s too: it cannot both open and shut the door", opens.Name, shuts.Name)
			}
		}
	}
	return nil
}

// ends reports whether the last packet of a sequence is the last one of another, too, of
// which the sequence has all the packets.
func ends(seq, other knock.Sequence) bool {
	knocks, left := withoutPauses(seq), withoutPauses(other)
	if len(knocks) == 0 || len(left) == 0 || !takes(left[len(left)-1], knocks[len(knocks)-1]) {
		return false
	}
	for _, step := range slices.Backward(knocks) {
		if n := len(left); n > 0 && takes(left[n-1], step) {
			left = left[:n-1]
		}
	}
	return len(left) == 0
}

func withoutPauses(seq knock.Sequence) knock.Sequence {
	return slices.DeleteFunc(slices.Clone(seq), func(step knock.Step) bool { return step.Facts().Pause > 0 })
}

// names returns the hosts' names for a comment.
func (d *Door) names() string {
	var names []string
	for _, h := range d.Hosts {
		names = append(names, h.Name)
	}
	return strings.Join(names, ", ")
}

// lan returns the networks of a family that come in without a knock.
func (d *Door) lan(version ip.Family) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(d.LAN), func(p netip.Prefix) bool { return !version.Has(p.Addr()) })
}

// guarded returns the beginning of a sentence that continues with "shut" or "guarded".
func (d *Door) guarded() string {
	if len(d.Ports) == 1 {
		return "TCP port " + join(d.Ports, "") + " is"
	}
	return "TCP ports " + join(d.Ports, ", ") + " are"
}

// sender says who knocks and is let in.
func (d *Door) sender() string {
	if d.Wide {
		return "a network (/24 or /64)"
	}
	return "an address"
}

// trial returns the time of a trial in seconds; zero means for good.
func (d *Door) trial() int { return int(d.Trial / time.Second) }
