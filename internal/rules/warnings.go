package rules

import (
	"fmt"
	"slices"
	"strings"

	"knockpipe/knock"
)

// fewest is how many knocks a sequence should have. Each port of a sequence is one of
// 65,535; with two, someone who tries slowly gets in within days.
const fewest = 3

// published are the sequences of the documents, which people copy.
var published = []string{
	"12345 23456 34567 45678",
	"12345 23456 34567",
	"15432 26543 37654",
	"45123 12876/udp 33210 7419",
	"45123 12876 33210 7419",
	"50211 8812 61002/udp",
	"51234/udp 23817 40021",
	"51432 14325 43251",
	"7000 8000 9000", // knockd's own example, too
	"7000/udp 8000/udp 9000",
}

// Warnings returns what makes a sequence weak, without showing a port.
func Warnings(seq knock.Sequence) []string {
	var found []string
	if isPublished(seq) {
		found = append(found, "this sequence stands in knockpipe's documents, where everybody can read it: make one at random")
	}
	if n := seq.Knocks(); n > 0 && n < fewest && guessable(seq) {
		few := [fewest]string{1: "one knock is", 2: "two knocks are"}[n]
		found = append(found, fmt.Sprintf("%s easy to guess: use at least %d", few, fewest))
	}
	if near(seq) {
		found = append(found, "the ports are close together and in order, so even a slow port scan opens the door: use random ports")
	}
	last := uint16(0) // the port of the knock before, if that was TCP
	for i, step := range seq {
		if step.Facts().Pause > 0 {
			continue
		}
		port := uint16(0)
		if tcp, ok := step.(knock.TCP); ok {
			port = tcp.Port
		}
		if port > 0 && port == last {
			found = append(found, fmt.Sprintf("knock %d repeats the knock before it, and TCP repeats an unanswered SYN too: one connection to that port can count as both", i+1))
		}
		last = port
	}
	return found
}

func isPublished(seq knock.Sequence) bool {
	return slices.ContainsFunc(published, func(line string) bool {
		known, err := knock.Parse(strings.Fields(line))
		return err == nil && slices.Equal(known, seq)
	})
}

// scanned returns the port of a step that a port scan knocks at: TCP, or UDP with
// nothing to say. It is zero for other steps.
func scanned(step knock.Step) uint16 {
	switch step := step.(type) {
	case knock.TCP:
		return step.Port
	case knock.UDP:
		if step.Payload == knock.BarePayload {
			return step.Port
		}
	}
	return 0
}

// guessable reports whether trying all ports or all sizes sends each knock.
func guessable(seq knock.Sequence) bool {
	for _, step := range seq {
		_, echo := step.(knock.ICMP)
		if step.Facts().Pause == 0 && !echo && scanned(step) == 0 {
			return false
		}
	}
	return true
}

// near reports whether a scan of all ports in order, upwards or downwards and slowly
// enough to be counted, sends the whole sequence: it reaches each next knock before the
// one before it is forgotten.
func near(seq knock.Sequence) bool {
	const reach = rate*int(stageTime/1e9) + burst
	kind, last, way := "", 0, 0
	for _, step := range seq {
		if step.Facts().Pause > 0 {
			continue
		}
		port := int(scanned(step))
		if port == 0 || kind != "" && step.Kind() != kind {
			return false
		}
		if kind != "" {
			gap := port - last
			if gap == 0 || gap*way < 0 || max(gap, -gap) > reach {
				return false
			}
			way = gap
		}
		kind, last = step.Kind(), port
	}
	return way != 0
}
