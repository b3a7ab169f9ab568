package knock

import (
	"strconv"
	"strings"
)

// MaxSteps is the longest sequence that [Parse] takes. knockd allows 32 ports
// to a door; twice that leaves room and still bounds the time that a try needs.
const MaxSteps = 64

// Proto is the protocol of a knock.
type Proto uint8

// The protocols that a knock can use.
const (
	TCP Proto = iota // one SYN
	UDP              // one datagram with a single zero byte, as knock(1) sends
)

// String returns the protocol's name as it is written in a sequence.
func (p Proto) String() string {
	if p == UDP {
		return "udp"
	}
	return "tcp"
}

// Step is one knock.
type Step struct {
	Proto Proto
	Port  uint16 // 1 to 65535
}

// String returns the step in the form that [Parse] reads: 12345 or udp:7000.
// It shows the port, so it is not for logs.
func (s Step) String() string {
	port := strconv.Itoa(int(s.Port))
	if s.Proto == TCP {
		return port
	}
	return s.Proto.String() + ":" + port
}

// Sequence is the knocks that open a door, in order.
type Sequence []Step

// String returns the steps separated by blanks. It shows the ports, so it is
// not for logs.
func (s Sequence) String() string {
	words := make([]string, len(s))
	for i, step := range s {
		words[i] = step.String()
	}
	return strings.Join(words, " ")
}
