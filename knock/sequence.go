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
)

var protoNames = [...]string{TCP: "tcp", UDP: "udp", ICMP: "icmp", Pause: "pause", FWKNOP: "fwknop"}

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
	Stanza  string        // FWKNOP: its name in ~/.fwknoprc; empty for the host's
}

// String returns the step in a form that [Parse] reads: 12345 or udp:7000. It
// shows the port, so it is not for logs.
func (s Step) String() string {
	switch {
	case s.Proto == FWKNOP && s.Stanza != "":
		return "fwknop:" + s.Stanza
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

// Has reports whether one of the steps is of this kind.
func (s Sequence) Has(p Proto) bool {
	return slices.ContainsFunc(s, func(step Step) bool { return step.Proto == p })
}

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
