package state

import (
	"bufio"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Memory is a file that says of doors that did not open at once what opened
// them last time.
type Memory struct {
	Dir  string // from StateDir
	Hash bool   // do not show the addresses, as ssh's HashKnownHosts asks
}

// A Door is the port that a knock opens.
type Door struct {
	Addr netip.Addr // that is knocked at
	Port uint16     // that it opens
}

const (
	memoryName = "doors"
	maxDoors   = 200
	maxMemory  = 64 << 10 // bytes of a file that is read
)

// Recall returns what is known of a door. A file that cannot be read knows
// nothing.
func (m Memory) Recall(door Door) Record {
	for _, e := range m.read() {
		if e.is(door) {
			return e.record
		}
	}
	return Record{}
}

// Keep makes the record of a door the newest, and forgets the oldest.
func (m Memory) Keep(door Door, r Record) error {
	entries := slices.DeleteFunc(m.read(), func(e entry) bool { return e.is(door) })
	entries = slices.Insert(entries, 0, entry{m.name(door), r})
	var text strings.Builder
	for _, e := range entries[:min(len(entries), maxDoors)] {
		fmt.Fprintf(&text, "%s %d %d %d %t\n", e.name, e.record.Strict, e.record.Gap.Microseconds(), e.record.Took.Microseconds(), e.record.Clean)
	}
	f, err := os.CreateTemp(m.Dir, memoryName+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // if it is not renamed
	if _, err := f.WriteString(text.String()); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(m.Dir, memoryName))
}

// An entry is a line of the file.
type entry struct {
	name   string // of the door: plain, or salt and hash
	record Record
}

// read returns the entries, or none if anything is wrong with the file.
func (m Memory) read() []entry {
	path := filepath.Join(m.Dir, memoryName)
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() > maxMemory {
		return nil // to open a named pipe would wait for its writer
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var entries []entry
	for lines := bufio.NewScanner(f); lines.Scan(); {
		e, ok := parseEntry(lines.Text())
		if !ok {
			return nil
		}
		entries = append(entries, e)
	}
	return entries
}

// parseEntry reads a line: the door, Strict, Gap and Took in microseconds, Clean.
func parseEntry(line string) (e entry, ok bool) {
	fields := strings.Fields(line)
	if len(fields) != 5 {
		return e, false
	}
	e.name = fields[0]
	r := &e.record
	var err [4]error
	r.Strict, err[0] = strconv.Atoi(fields[1])
	r.Gap, err[1] = parseMicroseconds(fields[2], maxGap)
	r.Took, err[2] = parseMicroseconds(fields[3], time.Minute)
	r.Clean, err[3] = strconv.ParseBool(fields[4])
	return e, err == [4]error{} && -mostStrict <= r.Strict && r.Strict <= mostStrict && r.Gap >= minGap
}

func parseMicroseconds(s string, most time.Duration) (time.Duration, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if d := time.Duration(n) * time.Microsecond; err == nil && d <= most {
		return d, nil
	}
	return 0, strconv.ErrRange
}

// String returns the door as [address]:port.
func (d Door) String() string { return fmt.Sprintf("[%v]:%d", d.Addr, d.Port) }

// name is a door as the file has it.
func (m Memory) name(d Door) string {
	if !m.Hash {
		return d.String()
	}
	salt := make([]byte, 16)
	rand.Read(salt)
	return hashed(salt, d)
}

func hashed(salt []byte, d Door) string {
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte(d.String()))
	return "|" + hex.EncodeToString(salt) + "|" + hex.EncodeToString(mac.Sum(nil))
}

// is reports whether the entry is of a door.
func (e entry) is(d Door) bool {
	salt, _, ok := strings.Cut(strings.TrimPrefix(e.name, "|"), "|")
	if !ok {
		return e.name == d.String()
	}
	bytes, err := hex.DecodeString(salt)
	return err == nil && e.name == hashed(bytes, d)
}
