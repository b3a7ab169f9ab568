package knock

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Parse reads a sequence from words, one or more knocks to a word:
//
//	12345  12345/tcp  12345:udp  tcp:12345  7000,8000:udp,9000
//
// The protocol is tcp where none is named, and upper and lower case are the
// same. An error names the knock that is wrong by its place and never shows a
// port. No words are an empty sequence.
func Parse(words []string) (Sequence, error) {
	texts := split(words)
	if len(texts) > MaxSteps {
		return nil, fmt.Errorf("%d knocks: a sequence has at most %d", len(texts), MaxSteps)
	}
	var seq Sequence
	for i, text := range texts {
		step, err := parseStep(text)
		if err != nil {
			return nil, fmt.Errorf("knock %d of %d: %w", i+1, len(texts), err)
		}
		seq = append(seq, step)
	}
	return seq, nil
}

// split returns the text of each knock. Digits after a comma start the next
// knock; anything else after one belongs to the knock before it.
func split(words []string) []string {
	var texts []string
	for _, word := range words {
		start := 0
		for i := range len(word) - 1 {
			if word[i] == ',' && '0' <= word[i+1] && word[i+1] <= '9' {
				texts = append(texts, word[start:i])
				start = i + 1
			}
		}
		texts = append(texts, word[start:])
	}
	return texts
}

// parseStep reads one knock. It is split at its first ':', or at its first '/'
// where there is no ':'; the side that is no number is the protocol.
func parseStep(text string) (Step, error) {
	text, option, comma := strings.Cut(text, ",")
	port, proto, separated := strings.Cut(text, ":")
	if !separated {
		port, proto, separated = strings.Cut(text, "/")
	}
	if separated && !digits(port) {
		port, proto = proto, port
	}
	var step Step
	switch {
	case comma && option == "":
		return Step{}, errors.New("nothing after the comma")
	case comma:
		return Step{}, errors.New("unknown option after the comma")
	case text == "":
		return Step{}, errors.New("empty")
	case !separated, strings.EqualFold(proto, "tcp"):
		step.Proto = TCP
	case strings.EqualFold(proto, "udp"):
		step.Proto = UDP
	case letters(proto):
		return Step{}, fmt.Errorf("unknown protocol %q: tcp or udp", proto)
	default: // not shown, as it may hold a misspelt port
		return Step{}, errors.New("unknown protocol: tcp or udp")
	}
	if !digits(port) {
		return Step{}, errors.New("no port number")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return Step{}, errors.New("port not between 1 and 65535")
	}
	step.Port = uint16(n)
	return step, nil
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func letters(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz") == ""
}
