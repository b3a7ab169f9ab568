package rules

import (
	"fmt"
	"slices"
	"strings"

	"knockpipe/knock"
)

// nftables writes a table of its own, in the scheme of examples/nftables.conf.
func nftables(d *Door) (string, error) {
	opening, closing, err := openAndClose(d)
	if err != nil {
		return "", err
	}
	b := new(nftText)
	b.printf(nftHead, d.Name, d.theDoor(), opening[0].seconds(), d.remarks())
	b.printf(nftStages)
	for _, f := range families {
		b.stageSets(f, "stage", opening)
		b.stageSets(f, "close", closing)
	}
	b.printf(nftClients)
	for _, f := range families {
		b.set(f, "clients"+f.n, opening[0])
	}
	b.printf(nftInput)
	if !slices.ContainsFunc(slices.Concat(opening, closing), func(s *stage) bool { return s.Proto != knock.TCP }) {
		b.printf("\t\tmeta l4proto != tcp accept\n")
	}
	b.printf(nftJumps, join(d.Ports, ", "))
	for _, f := range families {
		b.knocks(f, opening, closing)
	}
	b.printf(nftDoor)
	for _, f := range families {
		for _, prefix := range f.lan(d) {
			b.printf("\t\t%s saddr %s counter accept comment \"without a knock\"\n", f.addr, prefix)
		}
	}
	b.printf(nftEnd)
	return b.String(), nil
}

// An nftText is a ruleset that is being written.
type nftText struct{ strings.Builder }

func (b *nftText) printf(format string, args ...any) { fmt.Fprintf(b, format, args...) }

// set writes a set of addresses that leave it by themselves.
func (b *nftText) set(f family, name string, s *stage) {
	b.printf("\tset %s { type ipv%s_addr; flags dynamic, timeout; timeout %ds; size 65535; }\n", name, f.n, s.seconds())
}

// stageSets writes the sets of those who are on their way.
func (b *nftText) stageSets(f family, kind string, stages []*stage) {
	for _, s := range slices.Backward(stages) {
		if !s.last {
			b.set(f, nftStage(kind, s.place, f), s)
		}
	}
}

func nftStage(kind string, place int, f family) string {
	return fmt.Sprintf("%s%dv%s", kind, place, f.n)
}

// knocks writes the chain of a family, with a rule for each knock.
func (b *nftText) knocks(f family, opening, closing []*stage) {
	b.printf("\tchain knocks%s {\n", f.n)
	reset := ""
	if len(closing) > 1 {
		reset = " jump opened" + f.n
	}
	for _, s := range opening {
		b.rule(f, s, "stage", "update @clients"+f.n, reset)
	}
	for _, s := range closing {
		b.rule(f, s, "close", "delete @clients"+f.n, "")
	}
	b.printf("\t}\n")
	if reset == "" {
		return
	}
	b.printf(nftOpened, f.n)
	for _, s := range closing[1:] {
		b.printf("\t\tdelete @%s { %s saddr }\n", nftStage("close", s.place, f), f.addr)
	}
	b.printf("\t}\n")
}

// rule writes what a knock does: at the last one it changes who may come in.
func (b *nftText) rule(f family, s *stage, kind, change, jump string) {
	b.printf("\t\t%s", nftMatch(s, f))
	if s.former > 0 {
		b.printf(" %s saddr @%s", f.addr, nftStage(kind, s.former, f))
	}
	if !s.last {
		change, jump = "update @"+nftStage(kind, s.place, f), ""
	}
	b.printf(" %s { %s saddr } counter%s comment \"%s\"\n", change, f.addr, jump, s.name(kind))
}

// nftMatch is what tells a knock's packet from all others.
func nftMatch(s *stage, f family) string {
	switch {
	case s.Proto == knock.ICMP:
		return fmt.Sprintf("%s type echo-request meta length %d", f.icmp, f.header+8+s.Size)
	case s.Proto == knock.TCP:
		return fmt.Sprintf("tcp dport %d", s.Port)
	case s.Payload == anyDatagram:
		return fmt.Sprintf("udp dport %d", s.Port)
	}
	match := fmt.Sprintf("udp dport %d udp length %d", s.Port, 8+len(s.Payload))
	// Behind the UDP header, as many bits as fit into one expression.
	at := 8
	for part := range slices.Chunk([]byte(s.content()), 16) {
		match += fmt.Sprintf(" @th,%d,%d 0x%x", 8*at, 8*len(part), part)
		at += len(part)
	}
	return match
}
