package state

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"knockpipe/internal/file"
)

// Opened remembers which doors are open at the moment, so that a process that follows
// another one needs no knock. It also remembers a door that does not let in processes that
// follow.
type Opened struct {
	Dir string // from RuntimeDir; without it, nothing is remembered

	// Open is how long a door stays open at least.
	Open time.Duration
}

// After a process followed in vain, none follows for leastDoubt: the connect may only have
// been late. If that happens again before one gets in by following, the door may let in
// only one connection for each knock, and none follows for twice as long as before.
const (
	leastDoubt = time.Second
	mostDoubt  = time.Hour
)

// Latest returns how long the connect took with which another process got in at a port of
// an address. It returns zero if that door may be shut again, or is in doubt.
func (o Opened) Latest(to netip.AddrPort) time.Duration {
	r := o.read(to)
	if age := time.Since(r.at); age < 0 || age > o.Open || r.doubted() {
		return 0
	}
	return r.took
}

// Keep records that this process knocked and got in, with a connect that took this long.
func (o Opened) Keep(to netip.AddrPort, took time.Duration) {
	r := o.read(to)
	r.at, r.took = time.Now(), max(took, time.Microsecond)
	o.write(to, r)
}

// Trust records that this process followed another one and got in.
func (o Opened) Trust(to netip.AddrPort) {
	if r := o.read(to); r.doubt > 0 {
		r.doubt = 0
		o.write(to, r)
	}
}

// Doubt records that this process followed another one and did not get in. Several that
// do so at the same time count once.
func (o Opened) Doubt(to netip.AddrPort) {
	if r := o.read(to); !r.doubted() {
		r.vain, r.doubt = time.Now(), min(max(2*r.doubt, leastDoubt), mostDoubt)
		o.write(to, r)
	}
}

// A passage is what is known of a door.
type passage struct {
	at    time.Time     // when a knock opened it last
	took  time.Duration // by the connect of that
	vain  time.Time     // when a process last followed in vain
	doubt time.Duration // after that; zero once another got in
}

// doubted reports whether the door is in doubt.
func (p passage) doubted() bool {
	age := time.Since(p.vain)
	return age >= 0 && age < p.doubt
}

// read returns what is known of a door: nothing without a record of it that can be read.
func (o Opened) read(to netip.AddrPort) passage {
	if o.Dir == "" {
		return passage{}
	}
	path, mine := o.place(to)
	f, err := os.OpenFile(path, os.O_RDONLY|file.NoFollow, 0)
	if err != nil {
		return passage{}
	}
	defer f.Close()
	record, ok := readWords(f, openedSize)
	if !ok {
		return passage{}
	}
	at := func(i int) time.Time { return time.UnixMicro(int64(record[i])) }
	micros := func(i int) time.Duration {
		return time.Duration(min(record[i], uint64(mostDoubt.Microseconds()))) * time.Microsecond
	}
	r := passage{at(1), micros(2), at(3), micros(4)}
	if record[0] == mine && r.took <= maxTook {
		return r
	}
	return passage{}
}

// write ignores errors, because nothing depends on a record.
func (o Opened) write(to netip.AddrPort, r passage) {
	if o.Dir == "" {
		return
	}
	path, mine := o.place(to)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|file.NoFollow, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	writeWords(f, mine, uint64(r.at.UnixMicro()), uint64(min(r.took, maxTook).Microseconds()),
		uint64(r.vain.UnixMicro()), uint64(r.doubt.Microseconds()))
}

// openedSize is that of a record: the door, hashed, and its passage, with times in
// microseconds.
const openedSize = 5 * wordSize

// place is the file of a door, of 256 that all share, and the hash that says whose record
// it is.
func (o Opened) place(to netip.AddrPort) (path string, mine uint64) {
	mine, at := hidden(to)
	return filepath.Join(o.Dir, fmt.Sprintf("opened-%02x", at[0])), mine
}
