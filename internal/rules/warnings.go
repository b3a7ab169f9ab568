package rules

import (
	"fmt"

	"knockpipe/knock"
)

// fewest is how many knocks a sequence should have. Each port of a sequence is one of
// 65,535; with two, someone who tries slowly gets in within days.
const fewest = 3

// Warnings returns what makes a sequence weak, without showing a port.
func Warnings(seq knock.Sequence) []string {
	var found []string
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
