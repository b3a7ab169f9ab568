package rules

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"knockpipe/internal/ip"
	"knockpipe/knock"
)

var iptText = text{"iptables.sh", "trial.txt"}

// iptables writes a shell script, because a file for iptables-restore can neither add its
// jumps to the kernel's chains only once nor remove them again.
func iptables(d *Door) (string, error) {
	ways, err := d.ways(iptMatch)
	if err != nil {
		return "", err
	}
	page := &iptPage{Names: d.names(), Test: d.test(), Guarded: d.guarded(), Sender: d.sender(),
		Seconds: openSeconds(ways), Trial: d.trial(), Remarks: d.remarks(), Rate: rate, Burst: burst}
	for _, port := range d.Ports {
		page.Doors = append(page.Doors, d.iptDoor(port, ways))
	}
	page.First = page.Doors[0]
	return iptText.write(page)
}

// An iptPage is the data of the template.
type iptPage struct {
	Names, Test, Guarded, Sender string
	Seconds, Trial               int
	Rate, Burst                  int
	Remarks                      string
	First                        *iptDoor
	Doors                        []*iptDoor
}

// An iptDoor is what there is for one guarded port.
type iptDoor struct {
	Port        uint16
	Chain, List string // what the names begin with
	Counted     bool   // not only TCP is
	Knocked     bool   // the guarded port is a knock's, too
	UDPPorts    []string
	Families    []*iptFamily
}

// An iptFamily is what a door has for each version of IP.
type iptFamily struct {
	Command   string
	List      string   // of who may connect
	Protocols []string // that are counted
	Rules     []string
	Opened    []iptOpened
	LAN       []netip.Prefix
	Mask      string // of lists, where they hold networks
	SrcMask   string // of the rates
}

// An iptOpened is the chain that forgets progress when a door opens.
type iptOpened struct {
	Chain string
	Lists []string
}

func (d *Door) iptDoor(port uint16, ways []*way) *iptDoor {
	door := &iptDoor{Port: port, Chain: fmt.Sprintf("KNOCKPIPE-%d", port), List: d.iptList(port)}
	udp, echo := make(map[uint16]bool), false
	for _, w := range ways {
		for _, s := range slices.Concat(w.opening, w.closing) {
			switch step := s.step.(type) {
			case knock.TCP:
				door.Knocked = door.Knocked || step.Port == port
			case knock.UDP:
				udp[step.Port] = true
			case knock.ICMP:
				echo = true
			}
		}
	}
	for ports := range slices.Chunk(slices.Sorted(maps.Keys(udp)), 15) { // as many as multiport takes
		door.UDPPorts = append(door.UDPPorts, join(ports, ","))
	}
	door.Counted = echo || len(udp) > 0
	for _, f := range families {
		family := &iptFamily{Command: "iptables", List: door.List, Protocols: []string{"-p tcp"}, LAN: d.lan(f.version)}
		if f.version == ip.V6 {
			// A list has the mask of the family that made it.
			family.Command, family.List = "ip6tables", strings.Replace(door.List, "knockpipe", "knockpipe6", 1)
		}
		if d.Wide {
			family.Mask, family.SrcMask = " --mask "+f.mask, fmt.Sprintf(" --hashlimit-srcmask %d", f.bits)
		}
		if len(udp) > 0 {
			family.Protocols = append(family.Protocols, "-p udp")
		}
		if echo {
			family.Protocols = append(family.Protocols, iptEcho(f))
		}
		for _, w := range ways {
			family.count(door, f, w)
		}
		door.Families = append(door.Families, family)
	}
	return door
}

// iptList is the list of who may connect over IPv4.
func (d *Door) iptList(port uint16) string {
	if d.Wide { // a list that exists keeps the mask that it was made with
		return fmt.Sprintf("knockpipe-wide-%d", port)
	}
	return fmt.Sprintf("knockpipe-%d", port)
}

// count adds the rules that count the knocks of one way.
func (n *iptFamily) count(door *iptDoor, f family, w *way) {
	jump := ""
	if resets := w.resets(); len(resets) > 0 {
		opened := iptOpened{Chain: door.Chain + "-OPENED"}
		if host := resets[0].host; host > 1 {
			opened.Chain += fmt.Sprintf("-%d", host)
		}
		for _, s := range resets {
			opened.Lists = append(opened.Lists, n.list(s, s.place))
		}
		n.Opened, jump = append(n.Opened, opened), " -j "+opened.Chain
	}
	for _, s := range slices.Concat(w.opening, w.closing) {
		n.Rules = append(n.Rules, n.rule(f, s, jump))
	}
}

// list returns the name of the list of addresses that have come to a place in the stage's
// sequence.
func (n *iptFamily) list(s *stage, place int) string {
	kind := ""
	if s.closing {
		kind = "close"
	}
	return s.numbered(fmt.Sprintf("%s-%s%d", n.List, kind, place))
}

// rule is the rule for a knock. It has no verdict: looking up an address in one list and
// adding it to the next are both matches.
func (n *iptFamily) rule(f family, s *stage, jump string) string {
	text := s.match[f.version]
	if s.former > 0 {
		text += fmt.Sprintf(" -m recent --rcheck --seconds %d --name %s%s", s.wait, n.list(s, s.former), n.Mask)
	}
	change := "--set --name " + n.list(s, s.place)
	switch {
	case s.last && s.closing:
		change, jump = "--remove --name "+n.List, ""
	case s.last:
		change = "--set --name " + n.List
	default:
		jump = ""
	}
	return fmt.Sprintf("%s -m recent %s%s -m comment --comment %q%s", text, change, n.Mask, s.name(), jump)
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
		return iptEcho(f) + length, err
	}
	return "", errNoCase(step)
}

// iptEcho matches an echo request.
func iptEcho(f family) string {
	if f.version == ip.V4 {
		return "-p icmp --icmp-type echo-request"
	}
	return "-p icmpv6 --icmpv6-type echo-request"
}

// iptLength matches the length of a packet with this many bytes of data.
func iptLength(size int, f family) (string, error) {
	length := f.header + 8 + size
	if length > 0xffff {
		return "", errors.New("iptables cannot match a packet of that size")
	}
	return fmt.Sprintf(" -m length --length %d", length), nil
}

// words returns the tests of the match u32 for the data after the UDP header, four bytes
// in each. The last one may begin in the bytes before it or in the header, which are
// masked out.
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
