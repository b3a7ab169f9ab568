package rules

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"knockpipe/knock"
)

var nftText = text{"nftables.nft", "table.nft", "trial.txt", "keep.txt"}

// nftables writes a table of its own for each guarded port.
func nftables(d *Door) (string, error) {
	counted, tokens := d.split()
	ways, err := counted.ways(nftMatch)
	if err != nil {
		return "", err
	}
	mark := ""
	if tokens > 0 {
		mark = fmt.Sprintf("%#x", tokenMark)
	}
	page := &nftPage{Names: d.names(), Test: d.test(), Guarded: d.guarded(), Sender: d.sender(), Secret: len(ways) > 0,
		Seconds: max(openSeconds(ways), int(openTime/time.Second)), Trial: d.trial(), First: Table(d.Ports[0]), Unit: unit(), Remarks: d.remarks()}
	for _, port := range d.Ports {
		t := d.nftTable(port)
		t.Seconds, t.Mark, t.Ways = page.Seconds, mark, len(ways)
		t.count(counted, ways)
		page.Tables = append(page.Tables, t)
	}
	return nftText.write(page)
}

// An nftPage is the data of the template.
type nftPage struct {
	Names, Test, Guarded, Sender string
	Seconds, Trial               int
	Secret                       bool // the knocks stand in it
	First, Unit, Remarks         string
	Tables                       []*nftTable
}

// Table is the name of the table of nftables that guards a port.
func Table(port uint16) string { return "knockpipe_" + strconv.Itoa(int(port)) }

// An nftTable is the data of one table in the template.
type nftTable struct {
	Table, Sender  string
	Port           uint16
	Seconds, Trial int
	Wide           bool
	Mark           string // of a packet with a token; empty if none opens this door
	Ways           int    // how many sequences are counted
	Families       []*nftFamily

	// What is counted: at this rate, of these protocols besides TCP.
	Rate, Burst int
	Counted     string
	UDPPorts    string // of knocks
	Echo        bool   // an echo request is a knock
	Knocked     bool   // the guarded port is a knock's, too
}

// An nftFamily is what a table has for each version of IP.
type nftFamily struct {
	N, Addr, Proto, Type string
	Source, Pair         string // what stands for a sender, and for it and this host
	Admitted             string // who may connect
	LAN                  []netip.Prefix
	Sets                 []nftSet
	Rules                []string
	Opened               []nftOpened
}

// An nftSet is the set of the addresses that have come to one place.
type nftSet struct {
	Name    string
	Seconds int
}

// An nftOpened is the chain that forgets progress when a door opens.
type nftOpened struct {
	Name    string
	Deletes []string
}

func (d *Door) nftTable(port uint16) *nftTable {
	t := &nftTable{Table: Table(port), Sender: d.sender(), Port: port, Trial: d.trial(), Wide: d.Wide, Rate: rate, Burst: burst}
	for _, f := range families {
		source := f.addr + " saddr"
		if d.Wide {
			source += " & " + f.mask
		}
		t.Families = append(t.Families, &nftFamily{N: f.n, Addr: f.addr, Proto: "ipv" + f.n, Type: "ipv" + f.n + "_addr",
			Source: source, Pair: source + " . " + f.addr + " daddr", Admitted: source + " @clients" + f.n, LAN: d.lan(f.version)})
	}
	return t
}

// split returns the door without the hosts that use tokens, and the number of those. The
// tables of their keys count tokens.
func (d *Door) split() (counted *Door, tokens int) {
	rest := *d
	rest.Hosts = nil
	for _, h := range d.Hosts {
		if h.Knock.Single() {
			tokens++
			continue
		}
		rest.Hosts = append(rest.Hosts, h)
	}
	return &rest, tokens
}

// count makes the table count the knocks of all ways.
func (t *nftTable) count(d *Door, ways []*way) {
	udp := make(map[uint16]bool)
	for _, h := range d.Hosts {
		for _, step := range slices.Concat(h.Knock, h.Close) {
			switch step := step.(type) {
			case knock.TCP:
				t.Knocked = t.Knocked || step.Port == t.Port
			case knock.UDP:
				udp[step.Port] = true
			case knock.ICMP:
				t.Echo = true
			}
		}
	}
	var counted []string
	if len(udp) > 0 {
		counted, t.UDPPorts = append(counted, "udp"), join(slices.Sorted(maps.Keys(udp)), ", ")
	}
	if t.Echo {
		counted = append(counted, "icmp", "ipv6-icmp")
	}
	t.Counted = strings.Join(counted, ", ")
	for i, f := range families {
		for _, w := range ways {
			t.Families[i].count(f, w)
		}
	}
}

// count adds the rules that count the knocks of one way.
func (n *nftFamily) count(f family, w *way) {
	for _, sequence := range [][]*stage{w.opening, w.closing} {
		for _, s := range slices.Backward(sequence) {
			if !s.last {
				n.Sets = append(n.Sets, nftSet{s.nftSet(s.place, f), s.seconds()})
			}
		}
	}
	jump := ""
	if resets := w.resets(); len(resets) > 0 {
		opened := nftOpened{Name: resets[0].numbered("opened" + f.n)}
		for _, s := range resets {
			opened.Deletes = append(opened.Deletes, s.nftSet(s.place, f))
		}
		n.Opened, jump = append(n.Opened, opened), " jump "+opened.Name
	}
	for _, s := range w.opening {
		n.Rules = append(n.Rules, n.rule(f, s, "update @clients"+f.n, jump))
	}
	for _, s := range w.closing {
		n.Rules = append(n.Rules, n.rule(f, s, "delete @clients"+f.n, ""))
	}
}

// rule is the rule for a knock. The rule for the last knock changes who may connect.
func (n *nftFamily) rule(f family, s *stage, change, jump string) string {
	former, element := "", n.Source
	if s.former > 0 {
		former = fmt.Sprintf(" %s @%s", n.Pair, s.nftSet(s.former, f))
	}
	if !s.last {
		change, element, jump = "update @"+s.nftSet(s.place, f), n.Pair, ""
	}
	return fmt.Sprintf("%s%s %s { %s } counter%s comment %q", s.match[f.version], former, change, element, jump, s.name())
}

// nftSet returns the name of the set of addresses that have come to a place in the
// stage's sequence.
func (s *stage) nftSet(place int, f family) string {
	kind := "stage"
	if s.closing {
		kind = "close"
	}
	return s.numbered(fmt.Sprintf("%s%dv%s", kind, place, f.n))
}

// numbered is a name that belongs to one host of several.
func (s *stage) numbered(name string) string {
	if s.host > 1 {
		name += fmt.Sprintf("_%d", s.host)
	}
	return name
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
		// After the UDP header, as many bits as fit into one expression.
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
