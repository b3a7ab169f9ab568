package rules

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"knockpipe/knock"
)

// The limits of knockd 0.8, and the widest gap between two knocks of the client's
// own accord.
const (
	knockdMax = 32 // ports of a door
	widestGap = 200 * time.Millisecond
)

// listPath is where knockd looks for a one-time list. It writes to it.
const listPath = "/etc/knockd.sequences"

// knockd writes an /etc/knockd.conf, with a table for nftables in its comments, as
// knockd itself shuts no port.
func knockd(d *Door) (string, error) {
	sequence, err := knockdSequence(d.Knock)
	if err != nil {
		return "", err
	}
	door := fill(knockdDoor, "SEQUENCE", sequence, "TIMEOUT", strconv.Itoa(knockdTimeout(d.Knock, d.Delay)))
	notes := knockdNotes(d.Knock)
	if len(d.Close) > 0 {
		if sequence, err = knockdSequence(d.Close); err == nil && d.Close.Has(knock.Once) {
			err = cannot(d.Close, 0, "the client does not close by a list")
		}
		if err != nil {
			return "", fmt.Errorf("KnockClose: %w", err)
		}
		door += fill(knockdClose, "SEQUENCE", sequence, "TIMEOUT", strconv.Itoa(knockdTimeout(d.Close, d.Delay)))
	}
	var lan strings.Builder
	for _, prefix := range d.LAN {
		family := "ip"
		if prefix.Addr().Is6() {
			family = "ip6"
		}
		fmt.Fprintf(&lan, "#|\t\t%s saddr %v accept\n", family, prefix)
	}
	return fill(knockdHead, "HOST", d.Name, "PORTS", tcpPorts(d.Ports), "SET", nftSet(d.Ports), "LAN", lan.String(), "NOTES", notes) + door, nil
}

// knockdSequence is the line that names the ports.
func knockdSequence(seq knock.Sequence) (string, error) {
	var ports []string
	for i, step := range seq {
		switch step.Proto {
		case knock.Pause:
		case knock.TCP:
			ports = append(ports, strconv.Itoa(int(step.Port)))
		case knock.UDP:
			ports = append(ports, strconv.Itoa(int(step.Port))+":udp")
		case knock.Once:
			return "one_time_sequences = " + listPath, nil
		default:
			return "", cannot(seq, i, "knockd knows TCP and UDP alone")
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
	if seq.Has(knock.Once) {
		knocks = 8 // twice as many as -once writes
	}
	took := seq.Pauses() + time.Duration(knocks)*max(delay, widestGap)
	return int((took+time.Second-1)/time.Second) + 4
}

// knockdNotes are the comments that some sequences need.
func knockdNotes(seq knock.Sequence) string {
	var notes string
	for _, step := range seq {
		if step.Proto == knock.UDP && step.Payload != "\x00" {
			notes += knockdPayload
			break
		}
	}
	if seq.Has(knock.Once) {
		notes += fill(knockdOnce, "LIST", listPath)
	}
	return notes
}

// fill puts values in the place of the words in a text.
func fill(text string, words ...string) string {
	for i := 0; i < len(words); i += 2 {
		words[i] = "{{" + words[i] + "}}"
	}
	return strings.NewReplacer(words...).Replace(text)
}

// tcpPorts names ports in a sentence that goes on in the singular or the plural.
func tcpPorts(ports []uint16) string {
	if len(ports) == 1 {
		return fmt.Sprintf("TCP port %d is", ports[0])
	}
	return "TCP ports " + commaPorts(ports, ", ") + " are"
}

// nftSet is ports as nft takes them.
func nftSet(ports []uint16) string {
	if len(ports) == 1 {
		return strconv.Itoa(int(ports[0]))
	}
	return "{ " + commaPorts(ports, ", ") + " }"
}

func commaPorts(ports []uint16, separator string) string {
	words := make([]string, len(ports))
	for i, port := range ports {
		words[i] = strconv.Itoa(int(port))
	}
	return strings.Join(words, separator)
}
