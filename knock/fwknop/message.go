package fwknop

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/user"
	"strconv"
	"strings"
	"time"
)

// The types of a message that ask for access.
const (
	accessMsg          = 1
	natMsg             = 2
	accessTimeoutMsg   = 3
	natTimeoutMsg      = 4
	localNATMsg        = 5
	localNATTimeoutMsg = 6
)

// protocolVersion is libfko's.
const protocolVersion = "3.0.0"

// Packet makes a packet that asks a server for access to its TCP port, or to what the
// stanza names. Each packet is new, because fwknopd accepts none twice. The random bytes
// are crypto/rand's.
func (s *Stanza) Packet(server netip.AddrPort, now time.Time, random io.Reader) (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	var chance [16]byte
	if _, err := io.ReadFull(random, chance[:]); err != nil {
		return "", err
	}
	number := binary.BigEndian.Uint64(chance[:8])%9e15 + 1e15 // 16 digits
	name := s.User
	if name == "" {
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
		if len(name) > maxUser || badUser(name) || name == "" {
			name = "user"
		}
	}
	return s.seal(s.message(number, name, server, now), [8]byte(chance[8:]))
}

// message is what gets encrypted: fields between colons, and their digest.
func (s *Stanza) message(number uint64, name string, server netip.AddrPort, now time.Time) []byte {
	allow := "0.0.0.0"
	if s.Allow.IsValid() {
		allow = s.Allow.String()
	}
	access, nat := s.access(server)
	kind := accessMsg
	switch {
	case s.Local:
		kind = localNATMsg
	case nat != "":
		kind = natMsg
	}
	seconds := int(s.Timeout / time.Second)
	if seconds > 0 {
		kind = map[int]int{accessMsg: accessTimeoutMsg, natMsg: natTimeoutMsg, localNATMsg: localNATTimeoutMsg}[kind]
	}
	text := fmt.Sprintf("%016d:%s:%d:%s:%d:%s", number, b64.EncodeToString([]byte(name)), now.Add(s.Offset).Unix(),
		protocolVersion, kind, b64.EncodeToString([]byte(allow+","+access)))
	if nat != "" {
		text += ":" + b64.EncodeToString([]byte(nat))
	}
	if seconds > 0 {
		text += ":" + strconv.Itoa(seconds)
	}
	digest := s.Digest.new()
	io.WriteString(digest, text)
	return []byte(text + ":" + b64.EncodeToString(digest.Sum(nil)))
}

// access returns what to ask for, and the NAT target, which may be empty. The target's
// port is that of the access, unless the stanza names another.
func (s *Stanza) access(server netip.AddrPort) (access, nat string) {
	access = s.Access
	if access == "" {
		access = "tcp/" + strconv.Itoa(int(server.Port()))
	}
	first, _, _ := strings.Cut(access, ",")
	proto, port, _ := strings.Cut(first, "/")
	switch nat = s.NAT; {
	case nat == "" && s.Local:
		nat = server.Addr().String() + "," + port
	case nat != "" && !strings.Contains(nat, ","):
		nat += "," + port
	}
	if s.NATPort != 0 {
		access = proto + "/" + strconv.Itoa(int(s.NATPort))
	}
	return access, nat
}

// badUser reports whether a user's name has a character that fwknopd forbids.
func badUser(name string) bool { return strings.ContainsAny(name, "\"/\\[]:;|=,+*?<>") }

// checkAccess reads "tcp/22,udp/53".
func checkAccess(s string) error {
	for _, one := range strings.Split(s, ",") {
		proto, port, _ := strings.Cut(one, "/")
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || proto != "tcp" && proto != "udp" {
			return errors.New("not a list such as tcp/22,udp/53")
		}
	}
	return nil
}

// checkNAT reads "10.0.0.2,22" or only a host.
func checkNAT(s string) error {
	host, port, ok := strings.Cut(s, ",")
	if ok {
		if _, err := parsePort(port); err != nil {
			return errors.New("not a host, or one with a port such as 10.0.0.2,22")
		}
	}
	if host == "" {
		return errors.New("no host")
	}
	return nil
}
