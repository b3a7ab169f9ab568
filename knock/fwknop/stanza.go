package fwknop

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// A Stanza is a stanza of ~/.fwknoprc: how one server lets a client in. The zero value
// has the defaults and no key.
type Stanza struct {
	Name string

	Key     []byte // of the encryption, up to 32 bytes
	HMACKey []byte // of the authentication, up to 128 bytes; empty for none
	Legacy  bool   // the key is padded, or cut, to 16 bytes, as versions before 2.5 did

	Digest     Digest // of the message
	HMACDigest Digest

	User    string        // the name in the message; empty for that of the process's user
	Allow   netip.Addr    // the address to open for; the zero Addr is the packet's source
	Access  string        // "tcp/22,udp/53"; empty for the port that is going to be connected to
	Timeout time.Duration // how long the port stays open; zero is the server's default
	NAT     string        // "10.0.0.2,22": where the access leads; empty for the server itself
	Local   bool          // NAT is to another port of the server itself
	NATPort uint16        // the server's port that leads there, in place of that of Access; zero for that
	Offset  time.Duration // added to the time in the packet

	Transport Transport
	Port      uint16 // to send to; zero for 62201, or 80 by HTTP
	RandPort  bool   // send to a random port instead
}

// String returns the name. The keys must not get into a log.
func (s *Stanza) String() string { return "fwknop:" + s.Name }

// GoString is String, for %#v.
func (s *Stanza) GoString() string { return s.String() }

// Format prints String for every verb.
func (s *Stanza) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// The limits of fwknopd.
const (
	maxKey       = 32
	maxHMACKey   = 128
	maxLegacyKey = 16
	maxUser      = 48
	maxTimeout   = 1 << 16 // seconds
)

// check finds what the server would silently refuse.
func (s *Stanza) check() error {
	switch {
	case len(s.Key) == 0:
		return errors.New("no KEY or KEY_BASE64")
	case len(s.Key) > maxKey:
		return fmt.Errorf("KEY is longer than %d bytes", maxKey)
	case len(s.HMACKey) > maxHMACKey:
		return fmt.Errorf("HMAC_KEY is longer than %d bytes", maxHMACKey)
	case s.Legacy && len(s.HMACKey) > 0:
		return errors.New("ENCRYPTION_MODE legacy cannot be combined with HMAC_KEY")
	case len(s.HMACKey) > 0 && subtle.ConstantTimeCompare(s.Key, s.HMACKey) == 1:
		return errors.New("KEY and HMAC_KEY are the same")
	case s.Allow.IsValid() && !s.Allow.Is4():
		return errors.New("ALLOW_IP: fwknop supports only IPv4")
	case len(s.User) > maxUser || badUser(s.User):
		return errors.New("SPOOF_USER: too long, or contains a character that fwknop forbids")
	case s.NATPort != 0 && strings.Contains(s.Access, ","):
		return errors.New("NAT_PORT requires exactly one port in ACCESS")
	}
	return nil
}
