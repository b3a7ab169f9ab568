package knock

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Parse reads a sequence from words, one or more steps to a word:
//
//	12345  12345/tcp  12345:udp  tcp:12345  7000,8000:udp,9000
//	udp:7000,text=open  udp:7000,hex=0a0b  udp:7000,size=64
//	icmp,size=95  tcp:443,connect  pause:250ms  fwknop  fwknop:STANZA
//	once:FILE  exec:COMMAND
//
// The protocol is tcp where none is named, upper and lower case are the same, and
// a bare number for a pause is milliseconds. An error names the step that is wrong
// by its place and never shows a port or a payload. No words are an empty
// sequence.
func Parse(words []string) (Sequence, error) {
	texts := split(words)
	if len(texts) > MaxSteps {
		return nil, fmt.Errorf("%d knocks: a sequence has at most %d", len(texts), MaxSteps)
	}
	var seq Sequence
	payload := 0
	for i, text := range texts {
		step, err := parseStep(text)
		if err != nil {
			return nil, fmt.Errorf("knock %d of %d: %w", i+1, len(texts), err)
		}
		if payload += len(step.Payload) + step.Size; payload > MaxPayload {
			return nil, fmt.Errorf("knock %d of %d: more than %d bytes of payload in the sequence", i+1, len(texts), MaxPayload)
		}
		seq = append(seq, step)
	}
	switch {
	case len(seq) > 0 && seq.Knocks() == 0:
		return nil, errors.New("nothing but pauses: no knock in the sequence")
	case len(seq) > 1 && seq.Has(Once):
		return nil, errors.New("once: has whole sequences, so nothing can stand beside it")
	}
	return seq, nil
}

// split returns the text of each step. Digits after a comma start the next step;
// anything else after one is an option of the step before it. What follows text=,
// fwknop:, once: or exec: is taken as it stands.
func split(words []string) []string {
	var texts []string
	for _, word := range words {
		if _, _, ok := cutRest(word); ok {
			texts = append(texts, word)
			continue
		}
		start := 0
		for i := range len(word) - 1 {
			if word[i] != ',' {
				continue
			}
			if hasOption(word[i+1:], "text") {
				break
			}
			if '0' <= word[i+1] && word[i+1] <= '9' {
				texts = append(texts, word[start:i])
				start = i + 1
			}
		}
		texts = append(texts, word[start:])
	}
	return texts
}

// parseStep reads one step. It is split at its first ':', or at its first '/'
// where there is no ':'; the side that is no number is the protocol.
func parseStep(text string) (Step, error) {
	if proto, rest, ok := cutRest(text); ok {
		return parseRest(proto, rest)
	}
	head, option, comma := strings.Cut(text, ",")
	switch {
	case comma && option == "":
		return Step{}, errors.New("nothing after the comma")
	case head == "":
		return Step{}, errors.New("empty")
	}
	value, proto := cutProto(head)
	var step Step
	var err error
	switch strings.ToLower(proto) {
	case "tcp":
		step.Proto = TCP
		step.Port, err = parsePort(value)
	case "udp":
		step.Proto, step.Payload = UDP, defaultPayload
		step.Port, err = parsePort(value)
	case "icmp":
		step.Proto, step.Size = ICMP, defaultSize
		if value != "" {
			err = errors.New("icmp has no port")
		}
	case "pause":
		step.Proto = Pause
		step.Pause, err = parsePause(value)
	default:
		err = errors.New("unknown protocol: tcp, udp, icmp, pause, fwknop, once or exec")
		if letters(proto) { // else not shown, as it may hold a misspelt port
			err = fmt.Errorf("unknown protocol %q: tcp, udp, icmp, pause, fwknop, once or exec", proto)
		}
	}
	if err == nil && comma {
		err = step.setOption(option)
	}
	if err != nil {
		return Step{}, err
	}
	return step, nil
}

// cutProto finds the protocol of a step, which may come first or last.
func cutProto(head string) (value, proto string) {
	left, right, separated := strings.Cut(head, ":")
	if !separated {
		left, right, separated = strings.Cut(head, "/")
	}
	switch {
	case !separated && strings.EqualFold(head, "icmp"):
		return "", head
	case !separated:
		return head, "tcp"
	case digits(left):
		return left, right
	}
	return right, left
}

func parsePort(s string) (uint16, error) {
	if !digits(s) {
		return 0, errors.New("no port number")
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, errors.New("port not between 1 and 65535")
	}
	return uint16(n), nil
}

func parsePause(s string) (time.Duration, error) {
	if digits(s) {
		s += "ms"
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > MaxPause {
		return 0, fmt.Errorf("not a pause of up to %v, such as 250ms or 1s", MaxPause)
	}
	return d, nil
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func letters(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz") == ""
}
