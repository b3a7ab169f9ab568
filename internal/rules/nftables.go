package rules

import (
	"fmt"
	"slices"
	"strings"

	"knockpipe/knock"
)

// nftables writes a table of its own, in the scheme of examples/nftables.conf.
func nftables(d *Door) (string, error) {
	opening, closing, err := openAndClose(d, nftMatch)
	if err != nil {
		return "", err
	}
	b := new(nftText)
	b.printf(nftHead, d.Name, d.guarded(), opening[0].seconds(), d.remarks())
	b.printf(nftStages)
	for _, f := range families {
		b.stageSets(f, opening)
		b.stageSets(f, closing)
	}
	b.printf(nftClients)
	for _, f := range families {
		b.set(f, "clients"+f.n, opening[0])
	}
	b.printf(nftInput)
	if !slices.ContainsFunc(slices.Concat(opening, closing), notTCP) {
		b.printf("\t\tmeta l4proto != tcp accept\n")
	}
	b.printf(nftJumps, join(d.Ports, ", "))
	for _, f := range families {
		b.knocks(f, opening, closing)
	}
	b.printf(nftDoor)
	for _, f := range families {
		for _, prefix := range d.lan(f.version) {
			b.printf("\t\t%s saddr %s counter accept comment \"without a knock\"\n", f.addr, prefix)
		}
	}
	b.printf(nftEnd)
	return b.String(), nil
}

func notTCP(s *stage) bool {
	_, tcp := s.step.(knock.TCP)
	return !tcp
}

// An nftText is a ruleset that is being written.
type nftText struct{ strings.Builder }

func (b *nftText) printf(format string, args ...any) { fmt.Fprintf(b, format, args...) }

// set writes a set of addresses that leave it by themselves.
func (b *nftText) set(f family, name string, s *stage) {
	b.printf("\tset %s { type ipv%s_addr; flags dynamic, timeout; timeout %ds; size 65535; }\n", name, f.n, s.seconds())
}

// stageSets writes the sets of those who are on their way.
func (b *nftText) stageSets(f family, stages []*stage) {
	for _, s := range slices.Backward(stages) {
		if !s.last {
			b.set(f, s.nftSet(s.place, f), s)
		}
	}
}

// nftSet is the name of the set of those who have come to a place of the stage's
// sequence.
func (s *stage) nftSet(place int, f family) string {
	if s.closing {
		return fmt.Sprintf("close%dv%s", place, f.n)
	}
	return fmt.Sprintf("stage%dv%s", place, f.n)
}

// knocks writes the chain of a family, with a rule for each knock.
func (b *nftText) knocks(f family, opening, closing []*stage) {
	b.printf("\tchain knocks%s {\n", f.n)
	reset := ""
	if len(closing) > 1 {
		reset = " jump opened" + f.n
	}
	for _, s := range opening {
		b.rule(f, s, "update @clients"+f.n, reset)
	}
	for _, s := range closing {
		b.rule(f, s, "delete @clients"+f.n, "")
	}
	b.printf("\t}\n")
	if reset == "" {
		return
	}
	b.printf(nftOpened, f.n)
	for _, s := range closing[1:] {
		b.printf("\t\tdelete @%s { %s saddr }\n", s.nftSet(s.place, f), f.addr)
	}
	b.printf("\t}\n")
}

// rule writes what a knock does: at the last one it changes who may come in.
func (b *nftText) rule(f family, s *stage, change, jump string) {
	b.printf("\t\t%s", s.match[f.version])
	if s.former > 0 {
		b.printf(" %s saddr @%s", f.addr, s.nftSet(s.former, f))
	}
	if !s.last {
		change, jump = "update @"+s.nftSet(s.place, f), ""
	}
	b.printf(" %s { %s saddr } counter%s comment \"%s\"\n", change, f.addr, jump, s.name())
}

// nftMatch is the [matcher] of nftables.
func nftMatch(step knock.Step, f family) (string, error) {
	switch step := step.(type) {
	case knock.TCP:
		return fmt.Sprintf("tcp dport %d", step.Port), nil
	case knock.UDP:
		match := fmt.Sprintf("udp dport %d", step.Port)
		if step.Payload == knock.BarePayload {
			return match, nil
		}
		match += fmt.Sprintf(" udp length %d", 8+len(step.Payload))
		// Behind the UDP header, as many bits as fit into one expression.
		at := 8
		for part := range slices.Chunk([]byte(content(step.Payload)), 16) {
			match += fmt.Sprintf(" @th,%d,%d 0x%x", 8*at, 8*len(part), part)
			at += len(part)
		}
		return match, nil
	case knock.ICMP:
		return fmt.Sprintf("%s type echo-request meta length %d", f.icmp, f.header+8+step.Size), nil
	}
	return "", errNoCase(step)
}
