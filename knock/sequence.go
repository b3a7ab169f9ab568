package knock

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The bounds of a sequence.
const (
	// MaxSteps is how many steps it may have. knockd allows 32 ports to a door;
	// twice that leaves room and still bounds the time that a try needs.
	MaxSteps = 64

	MaxPayload = 64 << 10    // bytes, of all its knocks together
	MaxPause   = time.Minute // of one step
)

// Proto is the protocol of a knock.
type Proto uint8

// What a step can be.
const (
	TCP    Proto = iota // one SYN, or a whole connection
	UDP                 // one datagram
	ICMP                // one echo request
	Pause               // no packet, but time
	FWKNOP              // one packet of single packet authorization
	Once                // the next sequence of a list, each of which is used once
	Exec                // another program that knocks
)

var protoNames = [...]string{TCP: "tcp", UDP: "udp", ICMP: "icmp", Pause: "pause", FWKNOP: "fwknop", Once: "once", Exec: "exec"}

// String returns the protocol's name as it is written in a sequence.
func (p Proto) String() string { return protoNames[p] }

// defaultPayload is what knock(1) sends by UDP.
const defaultPayload = "\x00"

// defaultSize is what ping(8) sends, in bytes.
const defaultSize = 56

// Step is one knock, or a pause between two.
type Step struct {
	Proto   Proto
	Port    uint16        // 1 to 65535, of TCP and UDP
	Connect bool          // TCP: complete the handshake
	Payload string        // UDP: what the datagram carries
	Size    int           // ICMP: bytes after the header, as in ping -s
	Pause   time.Duration // Pause: how long
	Text    string        // FWKNOP: a stanza of ~/.fwknoprc, or empty for the host's; Once: a path; Exec: a command
}

// String returns the step in a form that [Parse] reads: 12345 or udp:7000. It
// shows the port, so it is not for logs.
func (s Step) String() string {
	switch {
	case s.Text != "":
		return s.Proto.String() + ":" + s.Text
	case s.Proto == FWKNOP:
		return "fwknop"
	case s.Proto == Pause:
		return "pause:" + s.Pause.String()
	case s.Proto == ICMP:
		return "icmp,size=" + strconv.Itoa(s.Size)
	case s.Proto == UDP && s.Payload != defaultPayload:
		return "udp:" + strconv.Itoa(int(s.Port)) + ",hex=" + hex.EncodeToString([]byte(s.Payload))
	case s.Proto == UDP:
		return "udp:" + strconv.Itoa(int(s.Port))
	case s.Connect:
		return strconv.Itoa(int(s.Port)) + ",connect"
	}
	return strconv.Itoa(int(s.Port))
}

// Sequence is the knocks that open a door, in order.
type Sequence []Step

// Knocks returns how many of the steps are knocks.
func (s Sequence) Knocks() int {
	n := 0
	for _, step := range s {
		if step.Proto != Pause {
			n++
		}
	}
	return n
}

// restart is the place of the knock that ends a half done sequence: the second one,
// or the next that is not the first one again. It is -1 if there is none.
func (s Sequence) restart() int {
	var first *Step
	for i := range s {
		switch step := &s[i]; {
		case step.Proto == Pause:
		case first == nil:
			first = step
		case *step != *first:
			return i
		}
	}
	return -1
}

// Has reports whether one of the steps is of this kind.
func (s Sequence) Has(p Proto) bool {
	return slices.ContainsFunc(s, func(step Step) bool { return step.Proto == p })
}

// Slow reports whether sending it takes more than a packet's time, or must not be
// repeated at once.
func (s Sequence) Slow() bool { return s.Has(FWKNOP) || s.Has(Once) || s.Has(Exec) }

// Pauses returns how long its pauses are together.
func (s Sequence) Pauses() time.Duration {
	var sum time.Duration
	for _, step := range s {
		sum += step.Pause
	}
	return sum
}

// String returns the steps separated by blanks. It shows the ports, so it is
// not for logs.
func (s Sequence) String() string {
	words := make([]string, len(s))
	for i, step := range s {
		words[i] = step.String()
	}
	return strings.Join(words, " ")
}
