package knock

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A kind is how a kind of step is read.
type kind struct {
	name string

	// parse makes a step of what stands beside the name, and of the option after the
	// comma. The error is errOption where the kind has no such option.
	parse func(value, option string) (Step, error)

	// options are the names of what may follow a comma.
	options []string

	// rest says that the step takes the rest of its word literally, including commas, and
	// has no options. bare says that the name without a value is a step too.
	rest, bare bool

	// takes names what has to follow the name, if that is not a port.
	takes string
}

var kinds = []kind{
	{name: "tcp", parse: parseTCP, options: []string{"connect"}},
	{name: "udp", parse: parseUDP, options: []string{"text", "hex", "size"}},
	{name: "icmp", parse: parseICMP, options: []string{"size"}, bare: true},
	{name: "pause", parse: parsePause, takes: "TIME"},
	{name: "fwknop", parse: parseFWKNOP, rest: true, bare: true},
	{name: "once", parse: parseOnce, rest: true, takes: "FILE"},
	{name: "token", parse: parseToken, rest: true, takes: "FILE"},
	{name: "exec", parse: parseExec, rest: true, takes: "COMMAND"},
}

// protocols are names that someone may take for a kind, so that an error can show them.
var protocols = []string{"dccp", "icmp6", "icmpv6", "igmp", "sctp", "tcp4", "tcp6", "udp4", "udp6", "udplite"}

// Parse reads a sequence from words, one or more steps to a word:
//
//	12345  12345/tcp  12345:udp  tcp:12345  7000,8000:udp,9000
//	udp:7000,text=open  udp:7000,hex=0a0b  udp:7000,size=64
//	icmp,size=95  tcp:443,connect  pause:250ms  fwknop  fwknop:STANZA
//	once:FILE  token:FILE  exec:COMMAND
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
		if c, ok := step.(carrier); ok {
			payload += c.size()
		}
		if payload > maxPayload {
			return nil, fmt.Errorf("knock %d of %d: more than %d bytes of payload in the sequence", i+1, len(texts), maxPayload)
		}
		seq = append(seq, step)
	}
	if len(seq) > 0 && seq.Knocks() == 0 {
		return nil, errors.New("only pauses: the sequence has no knock")
	}
	for _, step := range seq {
		if step.Facts().Whole && len(seq) > 1 {
			return nil, errors.New(step.Kind() + ": cannot be combined with other knocks")
		}
	}
	return seq, nil
}

// split returns the text of each step. Digits after a comma start the next step; anything
// else after one is an option of the step before it. Text after text=, or after the name
// of a kind that takes the rest of its word, is taken literally.
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

// parseStep reads one step.
func parseStep(text string) (Step, error) {
	if k, rest, ok := cutRest(text); ok {
		return parseRest(k, rest)
	}
	head, option, comma := strings.Cut(text, ",")
	switch {
	case comma && option == "":
		return nil, errors.New("nothing after the comma: no blank is allowed there")
	case head == "":
		return nil, errors.New("empty")
	}
	value, name := cutProtocol(head)
	k, ok := findKind(name)
	switch {
	case !ok:
		return nil, errUnknown(name)
	case k.rest && k.bare:
		return nil, errors.New(k.name + " takes no port")
	case k.rest, k.takes != "" && strings.EqualFold(head, k.name):
		return nil, errors.New(k.name + " needs a value: " + k.name + ":" + k.takes)
	}
	step, err := k.parse(value, option)
	if err == errOption {
		return nil, optionError(option, k.name)
	}
	return step, err
}

// cutProtocol finds the protocol of a step, which may come first or last. It is split
// at its first ':', or at its first '/' where there is no ':'; the side that is no
// number is the protocol.
func cutProtocol(head string) (value, protocol string) {
	left, right, separated := strings.Cut(head, ":")
	if !separated {
		left, right, separated = strings.Cut(head, "/")
	}
	k, named := findKind(head)
	switch {
	case !separated && named && (k.bare && !k.rest || k.takes != ""):
		return "", head
	case !separated:
		return head, "tcp"
	case digits(left):
		return left, right
	}
	return right, left
}

func findKind(name string) (kind, bool) {
	for _, k := range kinds {
		if strings.EqualFold(name, k.name) {
			return k, true
		}
	}
	return kind{}, false
}

// errUnknown lists the kinds. It shows the name only if that is nearly one of them, or
// another protocol's name. Otherwise it may be part of a payload, a path or a command, or
// hold a port.
func errUnknown(name string) error {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	last := len(names) - 1
	list := strings.Join(names[:last], ", ") + " or " + names[last]
	lowered := strings.ToLower(name)
	near := func(known string) bool { return oneEdit(lowered, known) }
	if slices.Contains(protocols, lowered) || letters(name) && slices.ContainsFunc(names, near) {
		return fmt.Errorf("unknown protocol %q: %s", name, list)
	}
	return errors.New("unknown protocol: " + list)
}

// oneEdit reports whether inserting, deleting or replacing one byte, or swapping two,
// turns a into b.
func oneEdit(a, b string) bool {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	swapped := len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
	return len(a) <= 1 && len(b) <= 1 || swapped
}

// errOption is a kind's error for an option that it does not have.
var errOption = errors.New("unknown option after the comma")

// optionError shows the option only if it is another kind's: it may be a secret.
func optionError(option, kindName string) error {
	name, _, _ := strings.Cut(option, "=")
	name = strings.ToLower(name)
	for _, k := range kinds {
		if slices.Contains(k.options, name) {
			return errors.New(kindName + " has no option " + name)
		}
	}
	return errOption
}

// hasOption reports whether an option has this name, in upper or lower case, followed by
// '='.
func hasOption(option, name string) bool {
	return len(option) > len(name) && option[len(name)] == '=' && strings.EqualFold(option[:len(name)], name)
}

// maxText is the longest name, path or command, in bytes.
const maxText = 4096

// cutRest finds a kind that takes the rest of its word literally.
func cutRest(word string) (k kind, rest string, ok bool) {
	name, rest, separated := strings.Cut(word, ":")
	for _, k := range kinds {
		if k.rest && strings.EqualFold(name, k.name) {
			return k, rest, separated || k.bare
		}
	}
	return kind{}, "", false
}

// parseRest reads such a step. Its text is not shown: a command can hold a secret.
func parseRest(k kind, rest string) (Step, error) {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case rest == "" && !k.bare:
		return nil, errors.New("nothing after " + k.name + ":")
	case strings.ContainsFunc(rest, control) || len(rest) > maxText:
		return nil, errors.New("the text after " + k.name + ": is too long or contains a control character")
	}
	return k.parse(rest, "")
}

func parsePort(s string) (uint16, error) {
	if !digits(s) {
		return 0, errors.New("not a port number")
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, errors.New("port not between 1 and 65535")
	}
	return uint16(n), nil
}

// maxDatagram is the most that one IPv4 datagram carries, by UDP or as an echo.
const maxDatagram = 65507

// parseSize reads the value of size=.
func parseSize(option string, least int) (int, error) {
	_, value, _ := strings.Cut(option, "=")
	n, err := strconv.ParseUint(value, 10, 17)
	if err != nil || int(n) < least || n > maxDatagram {
		return 0, errors.New("size= takes a number of bytes up to " + strconv.Itoa(maxDatagram))
	}
	return int(n), nil
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func letters(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz") == ""
}
