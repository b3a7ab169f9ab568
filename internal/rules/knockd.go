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
		if sequence, err = knockdSequence(d.Close); err == nil && isList(d.Close) {
			err = cannot(d.Close, 0, "the client does not close by a list")
		}
		if err != nil {
			return "", fmt.Errorf("KnockClose: %w", err)
		}
		door += fill(knockdClose, "SEQUENCE", sequence, "TIMEOUT", strconv.Itoa(knockdTimeout(d.Close, d.Delay)))
	}
	var lan strings.Builder
	for _, prefix := range d.LAN {
		family := families[0]
		if prefix.Addr().Is6() {
			family = families[1]
		}
		fmt.Fprintf(&lan, "#|\t\t%s saddr %v accept\n", family.addr, prefix)
	}
	return fill(knockdHead, "HOST", d.Name, "PORTS", d.guarded(), "SET", nftSet(d.Ports), "LAN", lan.String(), "NOTES", notes) + door, nil
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
				return "", cannot(seq, i, "knockd looks at no payload, so any datagram to the port would do")
			}
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
	if isList(seq) {
		knocks = 8 // twice as many as -once writes
	}
	took := seq.Pauses() + time.Duration(knocks)*max(delay, widestGap)
	return int((took+time.Second-1)/time.Second) + 4
}

// knockdNotes are the comments that some sequences need.
func knockdNotes(seq knock.Sequence) string {
	if isList(seq) {
		return fill(knockdOnce, "LIST", listPath)
	}
	return ""
}

// isList reports whether the sequence is the next one of a list.
func isList(seq knock.Sequence) bool {
	_, once := seq[0].(knock.Once)
	return once
}

// fill puts values in the place of the words in a text.
func fill(text string, words ...string) string {
	for i := 0; i < len(words); i += 2 {
		words[i] = "{{" + words[i] + "}}"
	}
	return strings.NewReplacer(words...).Replace(text)
}

// nftSet is ports as nft takes them.
func nftSet(ports []uint16) string {
	if len(ports) == 1 {
		return strconv.Itoa(int(ports[0]))
	}
	return "{ " + join(ports, ", ") + " }"
}
