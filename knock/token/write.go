package token

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"
)

// DefaultCarrier is what carries the tokens of a key that names nothing else.
var DefaultCarrier = Carrier{"udp", 40022}

// Write makes a new key file, which only the user can read. It does not touch a file
// that exists.
func Write(path string, carriers []Carrier) error {
	if len(carriers) == 0 {
		carriers = []Carrier{DefaultCarrier}
	}
	for i, c := range carriers {
		if slices.Contains(carriers[:i], c) {
			return fmt.Errorf("carrier %v is named twice", c)
		}
	}
	if len(carriers) > maxCarriers {
		return fmt.Errorf("more than %d carriers", maxCarriers)
	}
	var text strings.Builder
	text.WriteString("# A knockpipe key, for one user or machine and one server. Both sides have the same\n" +
		"# file. Anyone who can read it can open the door: keep it private (chmod 600).\n")
	for _, c := range carriers {
		fmt.Fprintln(&text, c)
	}
	secret := make([]byte, keySize)
	rand.Read(secret) // never fails
	fmt.Fprintln(&text, base64.StdEncoding.EncodeToString(secret))

	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text.String())
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}
