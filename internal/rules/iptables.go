package rules

import (
	"fmt"
	"slices"
	"strings"

	"knockpipe/knock"
)

// iptables writes a shell script, as restoring a file alone can neither put its
// jump into INPUT once only nor take it away again.
func iptables(d *Door) (string, error) {
	opening, closing, err := openAndClose(d)
	if err != nil {
		return "", err
	}
	if err := fits(d.Knock); err != nil {
		return "", err
	}
	if err := fits(d.Close); err != nil {
		return "", fmt.Errorf("KnockClose: %w", err)
	}
	b := new(iptText)
	b.printf(iptHead, d.Name, d.theDoor(), opening[0].seconds(), d.remarks())
	resets := closing[min(1, len(closing)):]
	for _, f := range families {
		command := map[string]string{"4": "iptables", "6": "ip6tables"}[f.n]
		b.printf(iptFamily, command)
		for _, s := range opening {
			b.rule(f, s, "", len(resets) > 0)
		}
		for _, s := range closing {
			b.rule(f, s, "close", false)
		}
		for ports := range slices.Chunk(d.Ports, 15) { // as many as multiport takes
			b.printf("-A KNOCKPIPE -p tcp -m multiport --dports %s -j KNOCKPIPE-DOOR\n", join(ports, ","))
		}
		if len(resets) > 0 {
			b.printf("\n# A client that repeats the knock must not close the door in passing.\n")
		}
		for _, s := range resets {
			b.printf("-A KNOCKPIPE-OPENED -m recent --remove --name %s\n", iptList("close", s.place))
		}
		b.printf(iptDoor)
		for _, prefix := range f.lan(d) {
			b.printf("-A KNOCKPIPE-DOOR -s %s -j RETURN\n", prefix)
		}
		b.printf(iptEnd, command, opening[0].seconds())
	}
	return b.String(), nil
}

// fits finds a packet that is longer, over IPv6, than the match "length" counts.
func fits(seq knock.Sequence) error {
	for i, step := range seq {
		if step.Size+len(step.Payload) > 0xffff-families[1].header-8 {
			return cannot(seq, i, "iptables counts no packet of that size")
		}
	}
	return nil
}

// An iptText is a script that is being written.
type iptText struct{ strings.Builder }

func (b *iptText) printf(format string, args ...any) { fmt.Fprintf(b, format, args...) }

// iptList is the name of the list of those who have come to a place.
func iptList(kind string, place int) string { return fmt.Sprintf("knockpipe-%s%d", kind, place) }

// rule writes what a knock does. It has no verdict: that its address is in one
// list and gets into the next are both matches.
func (b *iptText) rule(f family, s *stage, kind string, reset bool) {
	b.printf("-A KNOCKPIPE %s", iptMatch(s, f))
	if s.former > 0 {
		b.printf(" -m recent --rcheck --seconds %d --name %s", s.wait, iptList(kind, s.former))
	}
	change := "--set --name " + iptList(kind, s.place)
	switch {
	case s.last && kind == "close":
		change = "--remove --name knockpipe"
	case s.last:
		change = "--set --name knockpipe"
	}
	b.printf(" -m recent %s -m comment --comment \"%s\"", change, s.name(kind))
	if s.last && reset {
		b.printf(" -j KNOCKPIPE-OPENED")
	}
	b.printf("\n")
}

// iptMatch is what tells a knock's packet from all others.
func iptMatch(s *stage, f family) string {
	switch {
	case s.Proto == knock.ICMP && f.n == "4":
		return fmt.Sprintf("-p icmp --icmp-type echo-request -m length --length %d", f.header+8+s.Size)
	case s.Proto == knock.ICMP:
		return fmt.Sprintf("-p icmpv6 --icmpv6-type echo-request -m length --length %d", f.header+8+s.Size)
	case s.Proto == knock.TCP:
		return fmt.Sprintf("-p tcp --dport %d", s.Port)
	case s.Payload == anyDatagram:
		return fmt.Sprintf("-p udp --dport %d", s.Port)
	}
	match := fmt.Sprintf("-p udp --dport %d -m length --length %d", s.Port, f.header+8+len(s.Payload))
	for tests := range slices.Chunk(words(s.content(), f), 10) { // as many as u32 takes
		match += fmt.Sprintf(` -m u32 --u32 "%s"`, strings.Join(tests, "&&"))
	}
	return match
}

// words returns the tests of the match u32 for what is behind the UDP header,
// four bytes in each. The last one may begin in the part before it, or in the
// header, which is masked out.
func words(content string, f family) []string {
	start := map[string]string{"4": "0>>22&0x3C@%d", "6": "%d"}[f.n] // IPv4 says how long its header is
	at := map[string]int{"4": 8, "6": f.header + 8}[f.n]
	var tests []string
	for i := 0; i < len(content); i += 4 {
		part := content[i:min(i+4, len(content))]
		place := fmt.Sprintf(start, at+i+len(part)-4)
		if len(part) < 4 {
			place += fmt.Sprintf("&0x%X", 1<<(8*len(part))-1)
		}
		tests = append(tests, fmt.Sprintf("%s=0x%X", place, part))
	}
	return tests
}
