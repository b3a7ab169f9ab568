package once

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"math/big"
	"os"
)

const (
	knocks    = 4 // of a sequence
	firstPort = 1024
	lastPort  = 65535

	// MaxSequences is the longest list that Write makes.
	MaxSequences = 10000
)

// Write makes a new list of n random sequences, which only the user can read. It
// does not touch a file that exists.
func Write(path string, n int) error {
	var text bytes.Buffer
	fmt.Fprintf(&text, "# %d sequences, each for one use: for knockpipe (once:) and knockd\n# (one_time_sequences), which each strike out their own copy.\n", n)
	for range n {
		seen := make(map[int64]bool)
		for len(seen) < knocks {
			number, err := rand.Int(rand.Reader, big.NewInt(lastPort-firstPort+1))
			if err != nil {
				return err
			}
			port := firstPort + number.Int64()
			if seen[port] {
				continue
			}
			separator := ","
			if len(seen) == 0 {
				separator = " " // the byte that is struck
			}
			fmt.Fprintf(&text, "%s%d", separator, port)
			seen[port] = true
		}
		text.WriteByte('\n')
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(text.Bytes()); err != nil {
		f.Close()
		os.Remove(path)
		return err
	}
	return f.Close()
}
