package state

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"knockpipe/internal/file"
)

// Opened remembers doors that are open at the moment, for processes that follow one
// another. Where each knock uses something up, those that follow need none.
type Opened struct {
	Dir string // from RuntimeDir; without it, nothing is remembered

	// Open is how long a door stays open at least.
	Open time.Duration
}

// Latest returns how long the connect took with which another process got in at an
// address, or zero if the door is no longer open.
func (o Opened) Latest(to netip.Addr) time.Duration {
	if o.Dir == "" {
		return 0
	}
	var record [openedSize]byte
	path, mine := o.place(to)
	f, err := os.OpenFile(path, os.O_RDONLY|file.NoFollow, 0)
	if err != nil {
		return 0
	}
	defer f.Close()
	if _, err := f.ReadAt(record[:], 0); err != nil {
		return 0
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(record[8:])))
	took := binary.BigEndian.Uint64(record[16:])
	if age := time.Since(at); binary.BigEndian.Uint64(record[:]) != mine || age < 0 || age > o.Open || took > uint64(maxTook/time.Microsecond) {
		return 0
	}
	return time.Duration(took) * time.Microsecond
}

// Keep records that this process got in at an address, with a connect that took this
// long. It ignores errors, because nothing depends on it.
func (o Opened) Keep(to netip.Addr, took time.Duration) {
	if o.Dir == "" {
		return
	}
	path, mine := o.place(to)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|file.NoFollow, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	var record [openedSize]byte
	binary.BigEndian.PutUint64(record[:], mine)
	binary.BigEndian.PutUint64(record[8:], uint64(time.Now().UnixMicro()))
	binary.BigEndian.PutUint64(record[16:], uint64(max(took, time.Microsecond).Microseconds()))
	f.WriteAt(record[:], 0)
}

// openedSize is that of a record: the address, hashed; the time, and how long the connect
// took, both in microseconds.
const openedSize = 3 * 8

// place is the file of an address, of 256 that all share, and the hash that says whose
// record it is.
func (o Opened) place(to netip.Addr) (path string, mine uint64) {
	mine, at := hidden(to)
	return filepath.Join(o.Dir, fmt.Sprintf("opened-%02x", at[0])), mine
}
