package fwknop

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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

// Packet makes a packet that asks for access to a TCP port, unless the stanza says
// to what. Each one is new, as fwknopd takes none twice. The random bytes are
// crypto/rand's.
func (s *Stanza) Packet(port uint16, now time.Time, random io.Reader) (string, error) {
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
	return s.seal(s.message(number, name, port, now), [8]byte(chance[8:]))
}

// message is what gets encrypted: fields between colons, and their digest.
func (s *Stanza) message(number uint64, name string, port uint16, now time.Time) []byte {
	allow := "0.0.0.0"
	if s.Allow.IsValid() {
		allow = s.Allow.String()
	}
	access := s.Access
	if access == "" {
		access = "tcp/" + strconv.Itoa(int(port))
	}
	kind := accessMsg
	switch {
	case s.Local:
		kind = localNATMsg
	case s.NAT != "":
		kind = natMsg
	}
	seconds := int(s.Timeout / time.Second)
	if seconds > 0 {
		kind = map[int]int{accessMsg: accessTimeoutMsg, natMsg: natTimeoutMsg, localNATMsg: localNATTimeoutMsg}[kind]
	}
	text := fmt.Sprintf("%016d:%s:%d:%s:%d:%s", number, b64.EncodeToString([]byte(name)), now.Add(s.Offset).Unix(),
		protocolVersion, kind, b64.EncodeToString([]byte(allow+","+access)))
	if s.NAT != "" {
		text += ":" + b64.EncodeToString([]byte(s.NAT))
	}
	if seconds > 0 {
		text += ":" + strconv.Itoa(seconds)
	}
	digest := s.Digest.new()
	io.WriteString(digest, text)
	return []byte(text + ":" + b64.EncodeToString(digest.Sum(nil)))
}

// badUser reports whether a user's name has a character that fwknopd forbids.
func badUser(name string) bool { return strings.ContainsAny(name, "\"/\\[]:;|=,+*?<>") }

// checkAccess reads "tcp/22,udp/53".
func checkAccess(s string) error {
	for _, one := range strings.Split(s, ",") {
		proto, port, _ := strings.Cut(one, "/")
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 && proto != "none" || !strings.Contains(" tcp udp icmp none ", " "+proto+" ") {
			return errors.New("not a list such as tcp/22,udp/53")
		}
	}
	return nil
}
