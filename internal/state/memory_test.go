package state

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"knockpipe/proxy"
)

const ms = time.Millisecond

var ssh = Door{door, 22}

// TestMemoryOfBadFile reads files that are not a memory, or a broken one: nothing is
// known, and the next opening makes a good one.
func TestMemoryOfBadFile(t *testing.T) {
	header := magic + strings.Repeat("s", headerSize-len(magic))
	for _, text := range []string{
		"", "\n", "nonsense", "[198.51.100.2]:22 1 7000 50000 true\n", magic, header[:headerSize-1], "K" + header[1:],
		strings.Repeat("x", memorySize), header + strings.Repeat("x", memorySize), "\x00\xff",
		header, header + "half a record", header + strings.Repeat("\x00", memorySize-headerSize), header + strings.Repeat("\xff", memorySize-headerSize),
	} {
		m := Memory{Dir: t.TempDir()}
		if err := os.WriteFile(filepath.Join(m.Dir, memoryName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		keepAndRecall(t, m, fmt.Sprintf("%.40q", text))
	}
	if runtime.GOOS == "windows" {
		return
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte(header), 0o600); err != nil {
		t.Fatal(err)
	}
	m := Memory{Dir: t.TempDir()}
	if err := os.Symlink(other, filepath.Join(m.Dir, memoryName)); err != nil {
		t.Fatal(err)
	}
	keepAndRecall(t, m, "a link")
	if text, err := os.ReadFile(other); err != nil || string(text) != header {
		t.Errorf("it has written through a link: %v", err)
	}
}

// keepAndRecall expects to know nothing of a door, keeps it, and expects to know it.
func keepAndRecall(t *testing.T, m Memory, name string) {
	t.Helper()
	if got := m.Recall(ssh); got != (Record{}) {
		t.Errorf("%s: got %v, want nothing", name, got)
	}
	want := Record{Strict: 1, Gap: 7 * ms}
	if err := m.Keep(ssh, want); err != nil {
		t.Errorf("%s: Keep = %v", name, err)
	}
	if got := m.Recall(ssh); got != want {
		t.Errorf("%s: got %v, want %v", name, got, want)
	}
}

func TestMemory(t *testing.T) {
	m := Memory{t.TempDir()}
	six := Door{netip.MustParseAddr("2001:db8::2"), 2222}
	want := map[Door]Record{
		ssh: {Strict: -5, Gap: 7 * ms, Took: 50 * ms},
		six: {Strict: 5, Gap: 100 * ms, Took: 250 * ms, Clean: true},
	}
	for d, r := range want {
		for _, r := range []Record{{Strict: 1, Gap: 9 * ms}, r} { // the later in place of the first
			if err := m.Keep(d, r); err != nil {
				t.Fatal(err)
			}
		}
	}
	for d, r := range want {
		if got := m.Recall(d); got != r {
			t.Errorf("%v: got %v, want %v", d, got, r)
		}
	}
	if got := m.Recall(Door{door, 23}); got != (Record{}) {
		t.Errorf("another port: got %v, want nothing", got)
	}
	text, err := os.ReadFile(filepath.Join(m.Dir, memoryName))
	if err != nil {
		t.Fatal(err)
	}
	records := 0
	for at := headerSize; at+recordSize <= len(text); at += recordSize {
		if _, ok := parseEntry(text[at:][:recordSize]); ok {
			records++
		}
	}
	if records != len(want) {
		t.Errorf("the file has %d records, want %d", records, len(want))
	}
	for _, secret := range []string{ssh.String(), six.Addr.String(), string(door.AsSlice()), string(six.Addr.AsSlice())} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the file shows %q", secret)
		}
	}
	if entries, _ := os.ReadDir(m.Dir); len(entries) != 1 {
		t.Errorf("%v is left, want one file", entries)
	}
}

// TestMemoryOfThousand keeps a thousand doors, as Ansible may have, and recalls them all.
// With far more, the size is still bounded and the latest is recalled.
func TestMemoryOfThousand(t *testing.T) {
	m := Memory{t.TempDir()}
	record := func(i int) Record { return Record{Strict: 1, Gap: 7*ms + time.Duration(i)*time.Microsecond} }
	keep := func(from, to int) {
		for i := from; i < to; i++ {
			if err := m.Keep(Door{door, uint16(i + 1)}, record(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	keep(0, 1000)
	for i := range 1000 {
		if got, want := m.Recall(Door{door, uint16(i + 1)}), record(i); got != want {
			t.Errorf("door %d: got %v, want %v", i, got, want)
		}
	}
	keep(1000, 20000)
	if got, want := m.Recall(Door{door, 20000}), record(19999); got != want {
		t.Errorf("the latest of many: got %v, want %v", got, want)
	}
	if info, err := os.Stat(filepath.Join(m.Dir, memoryName)); err != nil || info.Size() > memorySize || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("got %v, %v, want mode 0600 and at most %d bytes", info, err, memorySize)
	}
}

// TestMemoryForgets overwrites the oldest record in a full row.
func TestMemoryForgets(t *testing.T) {
	m := Memory{t.TempDir()}
	if err := m.Keep(ssh, Record{Strict: 1, Gap: 7 * ms}); err != nil {
		t.Fatal(err)
	}
	f, salt, err := m.open(os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	k := newKey(salt, ssh)
	for i := range rowLength {
		e := entry{doorName{byte(i + 1)}, uint32(100 + (i+3)%rowLength), Record{Strict: 1, Gap: 7 * ms}}
		if _, err := f.WriteAt(e.bytes(), k.row+int64(i)*recordSize); err != nil {
			t.Fatal(err)
		}
	}
	if _, place, err := k.find(f); err != nil || place != k.row+(rowLength-3)*recordSize {
		t.Errorf("got place %d of the row, %v, want %d, of the record that was kept first", (place-k.row)/recordSize, err, rowLength-3)
	}
}

// TestMemoryOfMany has many keep their doors at the same time, and all of them make the
// file: one may overwrite what another has just kept, but what is known is right.
func TestMemoryOfMany(t *testing.T) {
	m := Memory{t.TempDir()}
	record := func(i int) Record { return Record{Strict: 1, Gap: 7 * ms, Took: time.Duration(i) * ms} }
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			d := Door{door, uint16(i + 1)}
			for range 50 {
				if err := m.Keep(d, record(i)); err != nil {
					t.Error(err)
				}
				if got := m.Recall(d); got != record(i) && got != (Record{}) {
					t.Errorf("got %v, want %v", got, record(i))
				}
			}
		})
	}
	wg.Wait()
	for i := range 20 {
		d := Door{door, uint16(i + 1)}
		if err := m.Keep(d, record(i)); err != nil || m.Recall(d) != record(i) {
			t.Errorf("door %d: got %v, %v, want %v", i, m.Recall(d), err, record(i))
		}
	}
	if entries, _ := os.ReadDir(m.Dir); len(entries) != 1 {
		t.Errorf("%v is left, want one file", entries)
	}
}

func TestMemoryWithoutFolder(t *testing.T) {
	m := Memory{Dir: filepath.Join(t.TempDir(), "none")}
	if err := m.Keep(ssh, Record{}); err == nil {
		t.Error("Keep = nil, want an error")
	}
	if got := m.Recall(ssh); got != (Record{}) {
		t.Errorf("got %v, want nothing", got)
	}
}

// TestLearn goes through the openings of a door.
func TestLearn(t *testing.T) {
	burst := proxy.Opening{Tries: 2, Took: 50 * ms}
	late := proxy.Opening{Tries: 7, Gap: 30 * ms, Lag: 40 * ms, Took: 50 * ms}
	atOnce := proxy.Opening{Tries: 1, Gap: 15 * ms, Lag: 15 * ms, Took: 50 * ms}
	waited := proxy.Opening{Tries: 1, Gap: 15 * ms, Lag: 45 * ms, Took: 50 * ms}
	again := proxy.Opening{Tries: 2, Gap: 15 * ms, Lag: 45 * ms, Took: 50 * ms}
	for _, tt := range []struct {
		name     string
		openings []proxy.Opening
		want     string // the gap before each opening, and after the last
	}{
		{"opens to a burst", []proxy.Opening{burst, burst}, "0s 0s 0s"},
		{"strict", []proxy.Opening{late, late, late, waited, waited, waited, again}, "0s 0s 0s 15ms 11.25ms 8.4375ms 7ms 10.5ms"},
		{"strict, and once lucky", []proxy.Opening{late, late, late, waited, waited, atOnce, waited}, "0s 0s 0s 15ms 11.25ms 8.4375ms 7ms 7ms"},
		{"forgiving, over a bad link", []proxy.Opening{late, late, burst, late, late, burst, late, late, burst}, "0s 0s 0s 0s 0s 0s 0s 0s 0s 0s"},
		{"forgiving, and three times unlucky", []proxy.Opening{late, late, late, atOnce, burst}, "0s 0s 0s 15ms 0s 0s"},
		{"forgiving, and a packet is lost", []proxy.Opening{late, late, late, again, burst}, "0s 0s 0s 15ms 0s 0s"},
	} {
		var r Record
		got := fmt.Sprint(r.Pace().Gap)
		for _, o := range tt.openings {
			r = r.Learn(o)
			got += fmt.Sprint(" ", r.Pace().Gap)
		}
		if got != tt.want {
			t.Errorf("%s: got gaps of %v, want %v", tt.name, got, tt.want)
		}
	}
	r := Record{}.Learn(late).Learn(late).Learn(late)
	if got, want := r.Pace(), (proxy.Pace{Gap: 15 * ms, Rest: 50*ms + slowest, Restart: true}); got != want {
		t.Errorf("after a burst: got %v, want %v", got, want)
	}
	if r = r.Learn(waited); r.Pace().Restart {
		t.Error("after one paced try: got a restart, want none")
	}
}

func FuzzParseEntry(f *testing.F) {
	f.Add(entry{doorName{1}, 2, Record{Strict: -3, Gap: 7 * ms, Took: 50 * ms, Clean: true}}.bytes())
	f.Add(make([]byte, recordSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == recordSize { // a fuzzer does not find the checksum
			binary.BigEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
		}
		e, ok := parseEntry(b)
		if !ok {
			return
		}
		if e.record.Gap < minGap || e.record.Gap > maxGap {
			t.Errorf("%x: got %v", b, e)
		}
		if again, ok := parseEntry(e.bytes()); !ok || again != e {
			t.Errorf("%x: got %v, and then %v", b, e, again)
		}
	})
}
