package fwknop

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"time"
)

// A Transport is how the packet travels.
type Transport uint8

// The transports. UDP is fwknopd's default.
const (
	UDP Transport = iota
	TCP
	HTTP
)

// DefaultPort is fwknopd's.
const DefaultPort = 62201

// errIPv4 says that fwknop cannot open a door for IPv6.
var errIPv4 = errors.New("fwknop supports only IPv4")

// sendTime bounds a transport that needs a connection.
const sendTime = 3 * time.Second

// Send sends a new packet that asks for access to a TCP port. There is no answer.
func (s *Stanza) Send(ctx context.Context, to, source netip.Addr, port uint16) error {
	if !to.Is4() {
		return errIPv4
	}
	packet, err := s.Packet(netip.AddrPortFrom(to, port), time.Now(), rand.Reader)
	if err != nil {
		return err
	}
	at, err := s.port()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	network, payload := "udp", packet
	dialer := net.Dialer{}
	switch s.Transport {
	case TCP:
		network = "tcp"
	case HTTP:
		network = "tcp"
		payload = fmt.Sprintf("GET /%s HTTP/1.1\r\nUser-Agent: Fwknop/%s\r\nAccept: */*\r\nHost: %v\r\nConnection: close\r\n\r\n",
			strings.NewReplacer("+", "-", "/", "_").Replace(packet), protocolVersion, to)
	}
	if source.IsValid() && network == "udp" {
		dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	} else if source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	conn, err := dialer.DialContext(ctx, network, netip.AddrPortFrom(to, at).String())
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.WriteString(conn, payload)
	return err
}

// port is where to send to.
func (s *Stanza) port() (uint16, error) {
	switch {
	case s.RandPort:
		n, err := rand.Int(rand.Reader, big.NewInt(65535-10000+1))
		if err != nil {
			return 0, err
		}
		return uint16(10000 + n.Int64()), nil
	case s.Port != 0:
		return s.Port, nil
	case s.Transport == HTTP:
		return 80, nil
	}
	return DefaultPort, nil
}
