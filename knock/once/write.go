package once

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"math/big"
	"os"
	"slices"
)

const (
	knocks    = 4 // of a sequence
	firstPort = 1024
	lastPort  = 65535

	// MaxSequences is the longest list that Write makes.
	MaxSequences = 10000
)

// Write makes a new list of n random sequences that only the user can read. It never
// overwrites a file.
func Write(path string, n int) error {
	var text bytes.Buffer
	fmt.Fprintf(&text, "# %d one-time sequences for knockpipe (once:) and knockd (one_time_sequences).\n# Each side strikes out used sequences in its own copy.\n", n)
	for range n {
		ports, err := choose()
		if err != nil {
			return err
		}
		for i, port := range ports {
			separator := ","
			if i == 0 {
				separator = " " // the byte that is struck
			}
			fmt.Fprintf(&text, "%s%d", separator, port)
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

// choose picks the ports of a sequence: all different and not in ascending order, so that
// a scan of all ports does not send them in order.
func choose() ([]int64, error) {
	var ports []int64
	for len(ports) < knocks || slices.IsSorted(ports) {
		if len(ports) == knocks {
			ports = ports[:0]
		}
		number, err := rand.Int(rand.Reader, big.NewInt(lastPort-firstPort+1))
		if err != nil {
			return nil, err
		}
		if port := firstPort + number.Int64(); !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return ports, nil
}
