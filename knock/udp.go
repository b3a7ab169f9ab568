package knock

import (
	"context"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// UDP is one datagram.
type UDP struct {
	Port    uint16
	Payload string // what it carries
}

// BarePayload is the payload that knock(1) sends by UDP. It is that of a step without a
// payload option. For such a step, doors count only the port, because nc sends something
// else.
const BarePayload = "\x00"

func parseUDP(value, option string) (Step, error) {
	port, err := parsePort(value)
	if err != nil {
		return nil, err
	}
	u := UDP{Port: port, Payload: BarePayload}
	switch {
	case option == "":
	case hasOption(option, "size"):
		size, err := parseSize(option, 1)
		if err != nil {
			return nil, err
		}
		u.Payload = strings.Repeat("\x00", size)
	case hasOption(option, "hex"):
		data, err := hex.DecodeString(option[len("hex="):])
		if err != nil || len(data) == 0 || len(data) > maxDatagram {
			return nil, errors.New("hex= takes pairs of hexadecimal digits")
		}
		u.Payload = string(data)
	case hasOption(option, "text"):
		if u.Payload = option[len("text="):]; u.Payload == "" || len(u.Payload) > maxDatagram {
			return nil, errors.New("text= needs a payload")
		}
	default:
		return nil, errOption
	}
	return u, nil
}

// Kind returns udp.
func (UDP) Kind() string { return "udp" }

func (u UDP) String() string {
	text := "udp:" + strconv.Itoa(int(u.Port))
	if u.Payload != BarePayload {
		text += ",hex=" + hex.EncodeToString([]byte(u.Payload))
	}
	return text
}

// Facts says that the port is one place of a sequence.
func (UDP) Facts() Facts { return Facts{Ordered: true, Repeats: true} }

func (u UDP) size() int { return len(u.Payload) }

func (u UDP) send(_ context.Context, s *Sender) error {
	return s.sendDatagram(u.Port, []byte(u.Payload))
}

// sendDatagram sends one datagram. The socket is new, because the ICMP error for an
// earlier knock would make a second write on the same socket fail.
func (s *Sender) sendDatagram(port uint16, data []byte) error {
	var from *net.UDPAddr
	if s.Source.IsValid() {
		from = net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.Source, 0))
	}
	conn, err := net.DialUDP("udp", from, net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.To, port)))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write(data)
	return err
}
