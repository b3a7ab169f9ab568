package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"knockpipe/internal/ip"
	"knockpipe/knock"
)

// iptables writes a shell script, as restoring a file alone can neither put its
// jump into INPUT once only nor take it away again.
func iptables(d *Door) (string, error) {
	opening, closing, err := openAndClose(d, iptMatch)
	if err != nil {
		return "", err
	}
	b := new(iptText)
	b.printf(iptHead, d.Name, d.guarded(), opening[0].seconds(), d.remarks())
	resets := closing[min(1, len(closing)):]
	for _, f := range families {
		command := map[ip.Family]string{ip.V4: "iptables", ip.V6: "ip6tables"}[f.version]
		b.printf(iptFamily, command)
		for _, s := range opening {
			b.rule(f, s, len(resets) > 0)
		}
		for _, s := range closing {
			b.rule(f, s, false)
		}
		for ports := range slices.Chunk(d.Ports, 15) { // as many as multiport takes
			b.printf("-A KNOCKPIPE -p tcp -m multiport --dports %s -j KNOCKPIPE-DOOR\n", join(ports, ","))
		}
		if len(resets) > 0 {
			b.printf("\n# A client that repeats the knock must not close the door in passing.\n")
		}
		for _, s := range resets {
			b.printf("-A KNOCKPIPE-OPENED -m recent --remove --name %s\n", s.iptList(s.place))
		}
		b.printf(iptDoor)
		for _, prefix := range d.lan(f.version) {
			b.printf("-A KNOCKPIPE-DOOR -s %s -j RETURN\n", prefix)
		}
		b.printf(iptEnd, command, opening[0].seconds())
	}
	return b.String(), nil
}

// An iptText is a script that is being written.
type iptText struct{ strings.Builder }

func (b *iptText) printf(format string, args ...any) { fmt.Fprintf(b, format, args...) }

// iptList is the name of the list of those who have come to a place of the stage's
// sequence.
func (s *stage) iptList(place int) string {
	if s.closing {
		return fmt.Sprintf("knockpipe-close%d", place)
	}
	return fmt.Sprintf("knockpipe-%d", place)
}

// rule writes what a knock does. It has no verdict: that its address is in one
// list and gets into the next are both matches.
func (b *iptText) rule(f family, s *stage, reset bool) {
	b.printf("-A KNOCKPIPE %s", s.match[f.version])
	if s.former > 0 {
		b.printf(" -m recent --rcheck --seconds %d --name %s", s.wait, s.iptList(s.former))
	}
	change := "--set --name " + s.iptList(s.place)
	switch {
	case s.last && s.closing:
		change = "--remove --name knockpipe"
	case s.last:
		change = "--set --name knockpipe"
	}
	b.printf(" -m recent %s -m comment --comment \"%s\"", change, s.name())
	if s.last && reset {
		b.printf(" -j KNOCKPIPE-OPENED")
	}
	b.printf("\n")
}

// iptMatch is the [matcher] of iptables.
func iptMatch(step knock.Step, f family) (string, error) {
	switch step := step.(type) {
	case knock.TCP:
		return fmt.Sprintf("-p tcp --dport %d", step.Port), nil
	case knock.UDP:
		match := fmt.Sprintf("-p udp --dport %d", step.Port)
		if step.Payload == knock.BarePayload {
			return match, nil
		}
		length, err := iptLength(len(step.Payload), f)
		match += length
		for tests := range slices.Chunk(words(content(step.Payload), f), 10) { // as many as u32 takes
			match += fmt.Sprintf(` -m u32 --u32 "%s"`, strings.Join(tests, "&&"))
		}
		return match, err
	case knock.ICMP:
		length, err := iptLength(step.Size, f)
		if f.version == ip.V4 {
			return "-p icmp --icmp-type echo-request" + length, err
		}
		return "-p icmpv6 --icmpv6-type echo-request" + length, err
	}
	return "", errNoCase(step)
}

// iptLength matches the length of the packet around so many bytes.
func iptLength(size int, f family) (string, error) {
	length := f.header + 8 + size
	if length > 0xffff {
		return "", errors.New("iptables counts no packet of that size")
	}
	return fmt.Sprintf(" -m length --length %d", length), nil
}

// words returns the tests of the match u32 for what is behind the UDP header,
// four bytes in each. The last one may begin in the part before it, or in the
// header, which is masked out.
func words(content string, f family) []string {
	start, at := "%d", f.header+8
	if f.version == ip.V4 {
		start, at = "0>>22&0x3C@%d", 8 // it says how long its header is
	}
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
