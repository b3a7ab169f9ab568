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

// The limits of a rule of RouterOS, and how long an address may connect.
const (
	mikrotikContent = 128   // bytes that the kernel searches for
	mikrotikSize    = 65535 // bytes of a packet
	mikrotikOpen    = "10s"
)

// A menu is RouterOS's place for the rules of one family, and what differs there.
type menu struct {
	version ip.Family
	path    string
	echo    string // matches an echo request
	headers int    // bytes ahead of the data of an echo request or a datagram
}

var menus = []menu{
	{ip.V4, "/ip firewall", "protocol=icmp icmp-options=8:0", 20 + 8},
	{ip.V6, "/ipv6 firewall", "protocol=icmpv6 icmp-options=128:0", 40 + 8},
}

var mikrotikScript = text{"mikrotik.rsc"}

// A mikrotikPage is the data of the template.
type mikrotikPage struct {
	Names, Guarded string
	Rate, Burst    int
	Doors          []*mikrotikDoor
}

// A mikrotikDoor is one guarded port of one family.
type mikrotikDoor struct {
	Family, Menu string
	Port         uint16
	Name         string // of its chain and lists, and its rules' comment
	LAN          []netip.Prefix
	Knocks       []string // the last one first
}

// mikrotik writes commands for RouterOS. As in the vendor's documentation of port
// knocking, a list of addresses for each knock records how far each address has come.
func mikrotik(d *Door) (string, error) {
	if d.Trial > 0 {
		return "", errors.New("RouterOS rules do not expire: load them in Safe Mode, without -trial")
	}
	if d.Wide {
		return "", errors.New("RouterOS lists only single addresses: leave out -wide")
	}
	page := &mikrotikPage{Names: d.names(), Guarded: d.guarded(), Rate: rate, Burst: burst}
	for _, port := range d.Ports {
		for _, m := range menus {
			door := &mikrotikDoor{Family: m.version.String(), Menu: m.path, Port: port,
				Name: fmt.Sprintf("knockpipe-%d", port), LAN: d.lan(m.version)}
			for i := range d.Hosts {
				h := &d.Hosts[i]
				if len(h.Close) > 0 {
					return "", d.of(h, fmt.Errorf("KnockClose: %w", cannot(h.Close, 0, "RouterOS rules cannot remove an address from a list; leave out KnockClose, because the door shuts by itself")))
				}
				knocks, err := m.knocks(h, door.Name, i)
				if err != nil {
					return "", d.of(h, err)
				}
				door.Knocks = append(door.Knocks, knocks...)
			}
			page.Doors = append(page.Doors, door)
		}
	}
	return mikrotikScript.write(page)
}

// knocks are what the rules for a host's knocks match and do, the last one first: a
// packet goes through all of them, and must not be two knocks where two are alike.
func (m menu) knocks(h *Host, name string, host int) ([]string, error) {
	life := mikrotikLife(h.Knock, h.Delay)
	total := h.Knock.Knocks()
	lists := name
	if host > 0 {
		lists += fmt.Sprintf("-host%d", host+1)
	}
	var rules []string
	for i, step := range h.Knock {
		if step.Facts().Pause > 0 {
			continue
		}
		match, why := m.match(step)
		if why != nil {
			return nil, cannot(h.Knock, i, why.Error())
		}
		n := len(rules) + 1
		if n > 1 {
			match += fmt.Sprintf(" src-address-list=%s-%d", lists, n-1)
		}
		list, timeout := fmt.Sprintf("%s-%d", lists, n), life
		if n == total {
			list, timeout = name+"-open", mikrotikOpen
		}
		rules = append(rules, fmt.Sprintf("%s address-list=%s address-list-timeout=%s", match, list, timeout))
	}
	slices.Reverse(rules)
	return rules, nil
}

// match returns what distinguishes a knock from other packets.
func (m menu) match(step knock.Step) (string, error) {
	switch step := step.(type) {
	case knock.TCP:
		return fmt.Sprintf("protocol=tcp dst-port=%d", step.Port), nil
	case knock.ICMP:
		size, err := m.packetSize(step.Size)
		return m.echo + size, err
	case knock.UDP:
		match := fmt.Sprintf("protocol=udp dst-port=%d", step.Port)
		if step.Payload == knock.BarePayload {
			return match, nil
		}
		size, err := m.packetSize(len(step.Payload))
		if err != nil || content(step.Payload) == "" { // size= only
			return match + size, err
		}
		text, err := mikrotikText(step.Payload)
		return match + size + " content=" + text, err
	}
	return "", errors.New("RouterOS supports only TCP, UDP and ICMP")
}

// packetSize matches the size of a packet with this many bytes of data.
func (m menu) packetSize(data int) (string, error) {
	size := m.headers + data
	if size > mikrotikSize {
		return "", errors.New("RouterOS cannot match a packet of this size")
	}
	return fmt.Sprintf(" packet-size=%d", size), nil
}

// mikrotikText quotes a payload. It writes in hexadecimal what the console would
// interpret: quotes and backslashes, the $ of a variable, and the ?, which asks older
// versions for help.
func mikrotikText(payload string) (string, error) {
	if len(payload) > mikrotikContent {
		return "", fmt.Errorf("RouterOS cannot match content longer than %d bytes", mikrotikContent)
	}
	var text strings.Builder
	for i := range len(payload) {
		switch c := payload[i]; {
		case c < ' ' || c > '~':
			return "", errors.New("RouterOS can match only text, and this payload is not text")
		case strings.IndexByte(`"\$?`, c) >= 0:
			fmt.Fprintf(&text, `\%02X`, c)
		default:
			text.WriteByte(c)
		}
	}
	return `"` + text.String() + `"`, nil
}

// mikrotikLife is how long a knock is remembered: the longest pause of the client,
// and some time on the way.
func mikrotikLife(seq knock.Sequence, delay time.Duration) string {
	longest, pause := delay, time.Duration(0)
	for _, step := range seq {
		if d := step.Facts().Pause; d > 0 {
			pause += d + delay
			continue
		}
		longest, pause = max(longest, pause+delay), 0
	}
	return strconv.Itoa(int((longest+time.Second-1)/time.Second)+5) + "s"
}
