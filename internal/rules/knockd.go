package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"knockpipe/knock"
)

// The limits of knockd 0.8, and the widest gap that the client puts between two knocks by
// itself.
const (
	knockdMax = 32 // ports of a door
	widestGap = 200 * time.Millisecond
)

// listPath is where knockd reads its one-time list. knockd writes to it.
const listPath = "/etc/knockd.sequences"

var (
	knockdText  = text{"knockd.conf", "trial.txt"}
	knockdTable = text{"knockd.nft", "table.nft"}
)

// A knockdPage is the data of the template of knockd.conf.
type knockdPage struct {
	Names, Guarded string
	Sender         string
	Trial          int
	First, Unit    string
	Tables         []*nftTable
	Barred         string // the tables, as comments
	List           string // where a one-time list goes
	Sections       []*knockdSection
}

// A knockdSection is one host's knock.
type knockdSection struct {
	Name                         string
	Sequence                     string
	Timeout                      int
	Close                        string // the sequence that shuts the door; empty without one
	CloseTimeout                 int
	Open4, Open6, Close4, Close6 string // commands for nft
}

// knockd writes an /etc/knockd.conf. Its comments contain tables for nftables, because
// knockd itself shuts no port.
func knockd(d *Door) (string, error) {
	page := &knockdPage{Names: d.names(), Guarded: d.guarded(), Sender: d.sender(), Trial: d.trial(), First: Table(d.Ports[0]), Unit: unit()}
	longest := 0
	for i := range d.Hosts {
		section, err := d.knockdSection(i)
		if err != nil {
			return "", d.of(&d.Hosts[i], err)
		}
		longest = max(longest, section.Timeout)
		page.Sections = append(page.Sections, section)
		if isList(d.Hosts[i].Knock) {
			page.List = listPath
		}
	}
	for _, port := range d.Ports {
		t := d.nftTable(port)
		if d.hasUDP() {
			t.Counted = "udp"
		}
		t.Seconds = longest + 20 // longer than a sequence and its door last
		for i, f := range t.Families {
			// It does not ask for the sender in the set of rates: a lookup there would count as
			// one more packet.
			f.Admitted = fmt.Sprintf("meta nfproto != @overrun %s != @scanners%s %s", f.Source, families[i].n, f.Admitted)
		}
		page.Tables = append(page.Tables, t)
	}
	table, err := knockdTable.write(page)
	page.Barred = barred(table)
	if err != nil {
		return "", err
	}
	return knockdText.write(page)
}

// hasUDP reports whether one of the knocks is, or may be, UDP: what stands in a one-time
// list is not known.
func (d *Door) hasUDP() bool {
	for _, h := range d.Hosts {
		for _, step := range slices.Concat(h.Knock, h.Close) {
			switch step.(type) {
			case knock.UDP, knock.Once:
				return true
			}
		}
	}
	return false
}

// knockdSection is a host's section of knockd.conf.
func (d *Door) knockdSection(i int) (*knockdSection, error) {
	h := &d.Hosts[i]
	s := &knockdSection{Name: Table(d.Ports[0]), Timeout: knockdTimeout(h.Knock, h.Delay)}
	if i > 0 {
		s.Name += fmt.Sprintf(" host %d", i+1)
	}
	var err error
	if s.Sequence, err = knockdSequence(h.Knock); err != nil {
		return nil, err
	}
	s.Open4, s.Open6 = d.nftCommands("add %s { %s timeout 10s }; delete %[1]s { %[2]s }; add %[1]s { %[2]s timeout 10s }")
	if len(h.Close) == 0 {
		return s, nil
	}
	if s.Close, err = knockdSequence(h.Close); err == nil && isList(h.Close) {
		err = cannot(h.Close, 0, "a one-time list cannot close a door")
	}
	if err != nil {
		return nil, fmt.Errorf("KnockClose: %w", err)
	}
	s.CloseTimeout = knockdTimeout(h.Close, h.Delay)
	s.Close4, s.Close6 = d.nftCommands("add %s { %s }; delete %[1]s { %[2]s }")
	return s, nil
}

// nftCommands returns nft's commands for the clients of all guarded ports, by family.
func (d *Door) nftCommands(format string) (ip4, ip6 string) {
	var all [2][]string
	for _, port := range d.Ports {
		for i, f := range families {
			client := "%IP%" // knockd's own word
			if d.Wide {
				client += fmt.Sprintf("/%d", f.bits)
			}
			all[i] = append(all[i], fmt.Sprintf(format, fmt.Sprintf("element inet %s clients%s", Table(port), f.n), client))
		}
	}
	return strings.Join(all[0], "; "), strings.Join(all[1], "; ")
}

// knockdSequence is the line that names the ports.
func knockdSequence(seq knock.Sequence) (string, error) {
	var ports []string
	for i, step := range seq {
		switch step := step.(type) {
		case knock.Pause:
		case knock.TCP:
			ports = append(ports, strconv.Itoa(int(step.Port)))
		case knock.UDP:
			if step.Payload != knock.BarePayload {
				return "", cannot(seq, i, "knockd ignores the payload, so any datagram to the port would count")
			}
			ports = append(ports, strconv.Itoa(int(step.Port))+":udp")
		case knock.Once:
			return "one_time_sequences = " + listPath, nil
		default:
			return "", cannot(seq, i, "knockd supports only TCP and UDP")
		}
	}
	if len(ports) > knockdMax {
		return "", fmt.Errorf("%d knocks: knockd allows %d to a door", len(ports), knockdMax)
	}
	return "sequence = " + strings.Join(ports, ","), nil
}

// knockdTimeout is how many seconds a sequence may take: the pauses, the widest
// gaps and some time on the way. knockd counts in whole seconds.
func knockdTimeout(seq knock.Sequence, delay time.Duration) int {
	knocks := seq.Knocks()
	if isList(seq) {
		knocks = 8 // twice as many as -once writes
	}
	took := seq.Pauses() + time.Duration(knocks)*max(delay, widestGap)
	return int((took+time.Second-1)/time.Second) + 4
}

// isList reports whether the sequence is the next one of a list.
func isList(seq knock.Sequence) bool {
	_, once := seq[0].(knock.Once)
	return once
}
