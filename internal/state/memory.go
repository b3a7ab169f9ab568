package state

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"knockpipe/internal/file"
)

// A Memory is a file that records, for doors that did not open at once, what opened them
// last time. It does not show the addresses.
//
// The file is a header and a table of records, all of one size. A door belongs to one row
// of the table, and its record can have any place in that row. Keeping one is therefore a
// single write of one record, and two processes at a time can only overwrite each other's
// record in the same row.
type Memory struct {
	Dir string // from StateDir
}

// A Door is the port that a knock opens.
type Door struct {
	Addr netip.Addr // that is knocked at
	Port uint16     // that it opens
}

const (
	memoryName = "doors"
	memoryRows = 1024
	rowLength  = 8 // records; with a thousand doors, one row in a million is too short
	recordSize = 32
	rowSize    = rowLength * recordSize
	headerSize = recordSize
	memorySize = headerSize + memoryRows*rowSize
)

// magic begins the header. The rest of it is the salt.
const magic = "knockpipe doors\n"

// Recall returns what is known of a door. If the file cannot be read, that is nothing.
func (m Memory) Recall(door Door) Record {
	f, salt, err := m.open(os.O_RDONLY)
	if err != nil {
		return Record{}
	}
	defer f.Close()
	e, _, _ := newKey(salt, door).find(f)
	return e.record
}

// Keep keeps the record of a door. If its row is full, Keep overwrites the oldest record
// there. It replaces a file that is not a memory.
func (m Memory) Keep(door Door, r Record) error {
	f, salt, err := m.open(os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoMemory) {
		if err = m.create(); err == nil {
			f, salt, err = m.open(os.O_RDWR)
		}
	}
	if err != nil {
		return err
	}
	defer f.Close()
	k := newKey(salt, door)
	_, place, err := k.find(f)
	if err != nil {
		return err
	}
	e := entry{k.name, uint32(time.Now().Unix() / 60), r}
	_, err = f.WriteAt(e.bytes(), place)
	return err
}

// errNoMemory says that a file is something else.
var errNoMemory = errors.New("not a memory of doors")

// open opens the file and reads its salt.
func (m Memory) open(mode int) (f *os.File, salt []byte, err error) {
	path := filepath.Join(m.Dir, memoryName)
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, nil, err
	case !info.Mode().IsRegular() || info.Size() > memorySize: // to open a named pipe would wait
		return nil, nil, errNoMemory
	}
	if f, err = os.OpenFile(path, mode|file.NoFollow, 0); err != nil {
		return nil, nil, err
	}
	header := make([]byte, headerSize)
	if _, err := f.ReadAt(header, 0); err != nil || string(header[:len(magic)]) != magic {
		f.Close()
		return nil, nil, errNoMemory
	}
	return f, header[len(magic):], nil
}

// create replaces the file with an empty memory.
func (m Memory) create() error {
	f, err := os.CreateTemp(m.Dir, memoryName+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // if it is not renamed
	header := make([]byte, headerSize)
	copy(header, magic)
	rand.Read(header[len(magic):])
	_, err = f.Write(header)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(m.Dir, memoryName))
}

// A key is where a door is found.
type key struct {
	row  int64 // its offset in the file
	name doorName
}

// A doorName stands for a door. Without the salt, it does not show which one.
type doorName [12]byte

func newKey(salt []byte, door Door) key {
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte(door.String()))
	sum := mac.Sum(nil)
	k := key{row: headerSize + int64(binary.BigEndian.Uint32(sum)%memoryRows)*rowSize}
	copy(k.name[:], sum[4:])
	return k
}

// find returns the entry of the door and its place, or the place for a new one.
func (k key) find(f *os.File) (found entry, place int64, err error) {
	row := make([]byte, rowSize)
	if _, err := f.ReadAt(row, k.row); err != nil && err != io.EOF { // what was never written is zero
		return entry{}, 0, err
	}
	var oldest uint32
	for at := 0; at < rowSize; at += recordSize {
		e, _ := parseEntry(row[at:][:recordSize])
		if e.name == k.name {
			return e, k.row + int64(at), nil
		}
		if at == 0 || e.kept < oldest {
			oldest, place = e.kept, k.row+int64(at)
		}
	}
	return entry{}, place, nil
}

// An entry is a record of the file:
//
//	 0  CRC-32 of the rest
//	 4  the door, by its name
//	16  when it was kept, in minutes since 1970
//	20  Gap in microseconds
//	24  Took in microseconds
//	28  Strict
//	29  Clean
//	30  two bytes of zero
type entry struct {
	name   doorName
	kept   uint32
	record Record
}

func (e entry) bytes() []byte {
	b := make([]byte, 4, recordSize)
	b = append(b, e.name[:]...)
	for _, n := range []uint32{e.kept, uint32(e.record.Gap.Microseconds()), uint32(e.record.Took.Microseconds())} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	b = append(b, byte(int8(e.record.Strict)), 0, 0, 0)
	if e.record.Clean {
		b[29] = 1
	}
	binary.BigEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
	return b
}

// parseEntry reads an entry. One that is empty, half written, or not ours is none.
func parseEntry(b []byte) (e entry, ok bool) {
	if len(b) != recordSize || binary.BigEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) {
		return entry{}, false
	}
	micros := func(at int) time.Duration { return time.Duration(binary.BigEndian.Uint32(b[at:])) * time.Microsecond }
	copy(e.name[:], b[4:])
	e.kept = binary.BigEndian.Uint32(b[16:])
	e.record = Record{Strict: int(int8(b[28])), Gap: micros(20), Took: micros(24), Clean: b[29] == 1}
	r := e.record
	if r.Gap < minGap || r.Gap > maxGap || r.Took > maxTook || r.Strict < -mostStrict || r.Strict > mostStrict {
		return entry{}, false
	}
	return e, true
}

// String returns the door as [address]:port.
func (d Door) String() string { return fmt.Sprintf("[%v]:%d", d.Addr, d.Port) }
