package rules

import (
	"errors"
	"fmt"
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

// A menu is where RouterOS keeps the rules of one family, and what differs there.
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

// mikrotik writes commands for RouterOS. As its vendor documents port knocking, a
// list of addresses for each knock says who has come how far.
func mikrotik(d *Door) (string, error) {
	if len(d.Close) > 0 {
		return "", fmt.Errorf("KnockClose: %w", cannot(d.Close, 0, "no rule of RouterOS takes an address off a list; leave KnockClose out, as the door shuts by itself"))
	}
	text := fill(mikrotikHead, "HOST", d.Name, "PORTS", d.guarded())
	for _, m := range menus {
		rules, err := m.rules(d)
		if err != nil {
			return "", err
		}
		text += rules
	}
	return text, nil
}

// rules are the commands for one family.
func (m menu) rules(d *Door) (string, error) {
	stages, err := m.stages(d)
	if err != nil {
		return "", err
	}
	var lan strings.Builder
	for _, prefix := range d.lan(m.version) {
		fmt.Fprintf(&lan, "%s filter add chain=knockpipe action=accept protocol=tcp dst-port=%s src-address=%v comment=\"knockpipe\"\n",
			m.path, join(d.Ports, ","), prefix)
	}
	return fill(mikrotikRules, "FAMILY", m.version.String(), "MENU", m.path, "PORTS", join(d.Ports, ","),
		"LAN", lan.String(), "STAGES", stages), nil
}

// stages are the rules for the knocks, the last one first: a packet goes through all
// of them, and must not be two knocks where two are alike.
func (m menu) stages(d *Door) (string, error) {
	life := mikrotikLife(d.Knock, d.Delay)
	total := d.Knock.Knocks()
	var rules []string
	for i, step := range d.Knock {
		if step.Facts().Pause > 0 {
			continue
		}
		match, why := m.match(step)
		if why != nil {
			return "", cannot(d.Knock, i, why.Error())
		}
		n := len(rules) + 1
		if n > 1 {
			match += fmt.Sprintf(" src-address-list=knockpipe-%d", n-1)
		}
		list, timeout := fmt.Sprintf("knockpipe-%d", n), life
		if n == total {
			list, timeout = "knockpipe-open", mikrotikOpen
		}
		rules = append(rules, fmt.Sprintf("%s filter add chain=knockpipe action=add-src-to-address-list connection-state=new %s address-list=%s address-list-timeout=%s comment=\"knockpipe\"\n",
			m.path, match, list, timeout))
	}
	var text strings.Builder
	for i := range rules {
		text.WriteString(rules[len(rules)-1-i])
	}
	return text.String(), nil
}

// match is what tells one knock from other packets.
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
	return "", errors.New("RouterOS knows TCP, UDP and ICMP alone")
}

// packetSize matches the size of the packet around so many bytes.
func (m menu) packetSize(data int) (string, error) {
	size := m.headers + data
	if size > mikrotikSize {
		return "", errors.New("RouterOS knows no packet of this size")
	}
	return fmt.Sprintf(" packet-size=%d", size), nil
}

// mikrotikText quotes a payload. In hexadecimal stand what the console would take
// for its own: quotes and backslashes, a variable's $, and the ? that older versions
// answer with help.
func mikrotikText(payload string) (string, error) {
	if len(payload) > mikrotikContent {
		return "", fmt.Errorf("RouterOS finds no content of more than %d bytes", mikrotikContent)
	}
	var text strings.Builder
	for i := range len(payload) {
		switch c := payload[i]; {
		case c < ' ' || c > '~':
			return "", errors.New("RouterOS finds text alone, and this payload is none")
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
