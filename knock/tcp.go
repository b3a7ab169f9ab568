package knock

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// TCP is one SYN, or a whole connection.
type TCP struct {
	Port    uint16
	Connect bool // complete the handshake
}

func parseTCP(value, option string) (Step, error) {
	port, err := parsePort(value)
	switch {
	case err != nil:
		return nil, err
	case option == "":
		return TCP{Port: port}, nil
	case strings.EqualFold(option, "connect"):
		return TCP{Port: port, Connect: true}, nil
	}
	return nil, errOption
}

// Kind returns tcp.
func (TCP) Kind() string { return "tcp" }

func (t TCP) String() string {
	if t.Connect {
		return strconv.Itoa(int(t.Port)) + ",connect"
	}
	return strconv.Itoa(int(t.Port))
}

// Facts says that the port is one place of a sequence.
func (TCP) Facts() Facts { return Facts{Ordered: true, Repeats: true} }

// connectTime is how long a whole connection is kept, so that a proxy on the way can make
// its own. It ends before the kernel repeats a SYN. No other knock waits for it, because
// the port may be silent.
const connectTime = 900 * time.Millisecond

func (t TCP) send(_ context.Context, s *Sender) error {
	if t.Connect {
		return s.connect(t.Port)
	}
	return s.sendSYN(t.Port)
}
