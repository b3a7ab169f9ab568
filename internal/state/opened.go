package state

import (
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"knockpipe/internal/file"
)

// Opened is a memory of doors that are open just now, for processes that follow one
// another: where each knock uses something up, those that follow need none.
type Opened struct {
	Dir string // from RuntimeDir; without it, nothing is remembered

	// Open is how long a door stays open at the least.
	Open time.Duration
}

// Latest returns how long the connect took by which another process got in at an
// address, if the door is still open after that; else zero.
func (o Opened) Latest(to netip.Addr) time.Duration {
	if o.Dir == "" {
		return 0
	}
	var record [openedSize]byte
	f, err := os.OpenFile(o.path(to), os.O_RDONLY|file.NoFollow, 0)
	if err != nil {
		return 0
	}
	defer f.Close()
	if _, err := f.ReadAt(record[:], 0); err != nil {
		return 0
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(record[:])))
	took := binary.BigEndian.Uint64(record[8:])
	if age := time.Since(at); age < 0 || age > o.Open || took > uint64(maxTook/time.Microsecond) {
		return 0
	}
	return time.Duration(took) * time.Microsecond
}

// Keep says that this process got in at an address, by a connect that took so long.
// Nothing depends on it: an error is none.
func (o Opened) Keep(to netip.Addr, took time.Duration) {
	if o.Dir == "" {
		return
	}
	f, err := os.OpenFile(o.path(to), os.O_WRONLY|os.O_CREATE|file.NoFollow, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	var record [openedSize]byte
	binary.BigEndian.PutUint64(record[:], uint64(time.Now().UnixMicro()))
	binary.BigEndian.PutUint64(record[8:], uint64(max(took, time.Microsecond).Microseconds()))
	f.WriteAt(record[:], 0)
}

// openedSize is that of a record: the time, and how long the connect took, both in
// microseconds.
const openedSize = 2 * 8

func (o Opened) path(to netip.Addr) string { return filepath.Join(o.Dir, hidden(to)+".opened") }
