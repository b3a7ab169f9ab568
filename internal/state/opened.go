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
// another: those need no knock.
type Opened struct {
	Dir string // from RuntimeDir; without it, nothing is remembered

	// Open is how long a door stays open at least.
	Open time.Duration
}

// doubtTime is how long nobody follows after one did in vain: some doors let in one
// connection for each knock.
const doubtTime = 10 * time.Second

// Latest returns how long the connect took with which another process got in at a port of
// an address, or zero if the door is no longer open.
func (o Opened) Latest(to netip.AddrPort) time.Duration {
	took, age := o.read(to)
	if took < 0 || age > o.Open {
		return 0
	}
	return took
}

// Keep records that this process got in, with a connect that took this long. It ignores
// errors, because nothing depends on it.
func (o Opened) Keep(to netip.AddrPort, took time.Duration) {
	if took, age := o.read(to); took < 0 && age < doubtTime {
		return
	}
	o.write(to, max(took, time.Microsecond))
}

// Doubt records that this process followed another one and did not get in.
func (o Opened) Doubt(to netip.AddrPort) { o.write(to, doubt) }

// doubt stands in a record for a door that did not let in who followed.
const doubt = -time.Microsecond

// read returns a record's time of a connect, and its age: zero if there is none.
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

// openedSize is that of a record: the door, hashed; the time, and how long the connect
// took, both in microseconds.
const openedSize = 3 * 8

// place is the file of a door, of 256 that all share, and the hash that says whose record
// it is.
func (o Opened) place(to netip.AddrPort) (path string, mine uint64) {
	mine, at := hidden(to)
	return filepath.Join(o.Dir, fmt.Sprintf("opened-%02x", at[0])), mine
}
