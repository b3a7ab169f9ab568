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

// Opened remembers which doors are open at the moment, so that a process that follows
// another one needs no knock. It also remembers a door that did not let in a process that
// followed, because some doors let in only one connection for each knock.
type Opened struct {
	Dir string // from RuntimeDir; without it, nothing is remembered

	// Open is how long a door stays open at least.
	Open time.Duration
}

// doubtTime is how long no process follows after one that did not get in.
const doubtTime = 10 * time.Second

// Latest returns how long the connect took with which another process got in at a port of
// an address. It returns zero if that door may be shut again, or is in doubt.
func (o Opened) Latest(to netip.AddrPort) time.Duration {
	took, age := o.read(to)
	if took == doubt || age > o.Open {
		return 0
	}
	return took
}

// Keep records that this process knocked and got in, with a connect that took this long,
// unless the door is in doubt.
func (o Opened) Keep(to netip.AddrPort, took time.Duration) {
	if latest, age := o.read(to); latest == doubt && age < doubtTime {
		return
	}
	o.write(to, max(took, time.Microsecond))
}

// Doubt records that this process followed another one and did not get in.
func (o Opened) Doubt(to netip.AddrPort) { o.write(to, doubt) }

// doubt is what a record has in place of the time of a connect, if a process that followed
// did not get in.
const doubt = -time.Microsecond

// read returns how long a door's latest connect took, or doubt, and how long ago that was.
// Both are zero if there is no record of this door.
func (o Opened) read(to netip.AddrPort) (took, age time.Duration) {
	if o.Dir == "" {
		return 0, 0
	}
	var record [openedSize]byte
	path, mine := o.place(to)
	f, err := os.OpenFile(path, os.O_RDONLY|file.NoFollow, 0)
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	if _, err := f.ReadAt(record[:], 0); err != nil {
		return 0, 0
	}
	word := func(i int) uint64 { return binary.BigEndian.Uint64(record[8*i:]) }
	age = time.Since(time.UnixMicro(int64(word(1))))
	us := int64(word(2))
	if word(0) != mine || age < 0 || us > maxTook.Microseconds() || us < doubt.Microseconds() {
		return 0, 0
	}
	return time.Duration(us) * time.Microsecond, age
}

// write ignores errors, because nothing depends on a record.
func (o Opened) write(to netip.AddrPort, took time.Duration) {
	if o.Dir == "" {
		return
	}
	path, mine := o.place(to)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|file.NoFollow, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	record := make([]byte, 0, openedSize)
	for _, word := range []uint64{mine, uint64(time.Now().UnixMicro()), uint64(took.Microseconds())} {
		record = binary.BigEndian.AppendUint64(record, word)
	}
	f.WriteAt(record, 0)
}

// openedSize is the size of a record: the door, hashed; the time, and how long the connect
// took, or doubt, both in microseconds.
const openedSize = 3 * 8

// place is the file of a door, of 256 that all share, and the hash that says whose record
// it is.
func (o Opened) place(to netip.AddrPort) (path string, mine uint64) {
	mine, at := hidden(to)
	return filepath.Join(o.Dir, fmt.Sprintf("opened-%02x", at[0])), mine
}
