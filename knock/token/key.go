package token

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"knockpipe/internal/file"
)

const (
	// Size is how many bytes a token has.
	Size = 16

	// PerSlot is how many tokens a slot has.
	PerSlot = 32

	keySize     = 32 // bytes
	maxCarriers = 8
	maxFile     = 64 << 10 // bytes of a key file that is read
)

// A Key is what a key file holds.
type Key struct {
	Carriers []Carrier // at least one, in the order in which they are tried

	secret [keySize]byte
}

// A Carrier is a kind of packet that takes a token to the server.
type Carrier struct {
	Proto string // "udp", "icmp" or "tcp"
	Port  uint16 // zero for icmp
}

// String returns the carrier as a key file has it.
func (c Carrier) String() string {
	if c.Port == 0 {
		return c.Proto
	}
	return c.Proto + " " + strconv.Itoa(int(c.Port))
}

// Token returns the nth token of a slot, from 0: it is all that a packet carries.
func (k *Key) Token(slot Slot, n int) (token [Size]byte) {
	mac := hmac.New(sha256.New, k.secret[:])
	mac.Write([]byte("knockpipe token v1"))
	var which [10]byte
	binary.BigEndian.PutUint64(which[:], uint64(slot))
	binary.BigEndian.PutUint16(which[8:], uint16(n))
	mac.Write(which[:])
	copy(token[:], mac.Sum(nil))
	return token
}

// Format keeps the secret out of every message.
func (k *Key) Format(f fmt.State, _ rune) { io.WriteString(f, "(key)") }

// Read reads a key file. It refuses a file that anyone but its owner can read or write.
// The error names the file and the line.
func Read(path string) (*Key, error) {
	k, err := read(path)
	if err != nil {
		var bad *lineError
		if errors.As(err, &bad) {
			return nil, fmt.Errorf("%s:%w", path, err)
		}
		return nil, fmt.Errorf("%s: %w", path, file.WithoutPath(err))
	}
	return k, nil
}

func read(path string) (*Key, error) {
	// Opening a named pipe would wait for its writer.
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case file.Shared(info) != 0:
		return nil, errors.New("others can read or write this file, which holds a key: chmod 600")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxFile:
		return nil, fmt.Errorf("more than %d bytes: not a key file", maxFile)
	}
	return parse(text)
}

// A lineError is about a line of a key file, which it does not show.
type lineError struct {
	line int // from 1
	what string
}

func (e *lineError) Error() string { return fmt.Sprintf("%d: %s", e.line, e.what) }

// parse reads comments, carriers and, last, the key.
func parse(text []byte) (*Key, error) {
	k := new(Key)
	done, number := false, 0
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\ufeff"))) { // some editors begin so
		number++
		words := strings.Fields(string(line))
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		bad := func(what string) error { return &lineError{number, what} }
		carrier, what := parseCarrier(words)
		switch {
		case done:
			return nil, bad("nothing may follow the key")
		case what != "":
			return nil, bad(what)
		case carrier.Proto == "":
			if what := k.parseSecret(words); what != "" {
				return nil, bad(what)
			}
			if len(k.Carriers) == 0 {
				return nil, bad("no carrier before the key: add udp PORT, icmp or tcp PORT")
			}
			done = true
		default:
			for _, other := range k.Carriers {
				if other == carrier {
					return nil, bad("this carrier is listed twice")
				}
			}
			if len(k.Carriers) == maxCarriers {
				return nil, bad(fmt.Sprintf("more than %d carriers", maxCarriers))
			}
			k.Carriers = append(k.Carriers, carrier)
		}
	}
	if !done {
		return nil, errors.New("the file has no key")
	}
	return k, nil
}

// parseCarrier reads a line that begins like a carrier. It returns the zero Carrier for
// any other line, and what is wrong with a carrier that it cannot read.
func parseCarrier(words []string) (c Carrier, what string) {
	name := strings.ToLower(words[0])
	switch name {
	case "icmp":
		if len(words) > 1 {
			return c, "icmp takes no port"
		}
		return Carrier{Proto: name}, ""
	case "udp", "tcp":
		if len(words) != 2 {
			return c, name + " needs one port"
		}
		port, err := strconv.ParseUint(words[1], 10, 16)
		if err != nil || port == 0 {
			return c, "the port of " + name + " is not a number between 1 and 65535"
		}
		return Carrier{Proto: name, Port: uint16(port)}, ""
	}
	return c, ""
}

// parseSecret reads the line of the key, and says what is wrong with it.
func (k *Key) parseSecret(words []string) (what string) {
	secret, err := base64.StdEncoding.Strict().DecodeString(words[0])
	if len(words) != 1 || err != nil || len(secret) != keySize {
		return fmt.Sprintf("neither a carrier (udp PORT, icmp, tcp PORT) nor a key of %d bytes in base64", keySize)
	}
	copy(k.secret[:], secret)
	return ""
}

// ParseCarrier reads a carrier in the form of a knock: udp:40022, 40022/udp, icmp. The
// error does not show it.
func ParseCarrier(text string) (Carrier, error) {
	left, right, _ := strings.Cut(strings.Replace(text, "/", ":", 1), ":")
	if strings.Trim(left, "0123456789") == "" {
		left, right = right, left
	}
	words := []string{left}
	if right != "" {
		words = append(words, right)
	}
	c, what := parseCarrier(words)
	switch {
	case what != "":
		return c, errors.New(what)
	case c.Proto == "":
		return c, errors.New("not one of udp:PORT, icmp, tcp:PORT")
	}
	return c, nil
}
