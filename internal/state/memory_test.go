package state

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

var ssh = Door{door, 22}

// TestMemoryOfBadFile reads files that are not a memory: nothing is known, and
// the next opening makes a good one.
func TestMemoryOfBadFile(t *testing.T) {
	for _, text := range []string{
		"", "\n", "nonsense", "[198.51.100.2]:22 burst=1ms paced=2ms", "[198.51.100.2]:22 burst=1ms paced=2ms gap=-1ms",
		"[198.51.100.2]:22 burst=1ms paced=2ms gap=1000h", "[198.51.100.2]:22 gap=1ms paced=2ms burst=1ms",
		"|zz|zz burst=1ms paced=2ms gap=1ms x", strings.Repeat("x", maxMemory+1), "\x00\xff",
	} {
		m := Memory{Dir: t.TempDir()}
		if err := os.WriteFile(filepath.Join(m.Dir, memoryName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := m.Recall(ssh); got != (Record{}) {
			t.Errorf("%.40q: got %v, want nothing", text, got)
		}
		want := Record{Burst: 100 * ms, Gap: 7 * ms}
		if err := m.Keep(ssh, want); err != nil {
			t.Fatal(err)
		}
		if got := m.Recall(ssh); got != want {
			t.Errorf("%.40q: got %v, want %v", text, got, want)
		}
	}
}

func TestMemory(t *testing.T) {
	for _, hash := range []bool{false, true} {
		m := Memory{t.TempDir(), hash}
		six := Door{netip.MustParseAddr("2001:db8::2"), 2222}
		want := map[Door]Record{
			ssh: {Burst: 180 * ms, Gap: 7 * ms},
			six: {Burst: 900 * ms, Paced: 500 * ms, Gap: 100 * ms},
		}
		for d, r := range want {
			if err := m.Keep(d, r); err != nil {
				t.Fatal(err)
			}
			if err := m.Keep(d, r); err != nil { // again, in place of the first
				t.Fatal(err)
			}
		}
		for d, r := range want {
			if got := m.Recall(d); got != r {
				t.Errorf("hash %v, %v: got %v, want %v", hash, d, got, r)
			}
		}
		if got := m.Recall(Door{door, 23}); got != (Record{}) {
			t.Errorf("another port: got %v, want nothing", got)
		}
		text, err := os.ReadFile(filepath.Join(m.Dir, memoryName))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(text), "\n"); got != len(want) {
			t.Errorf("hash %v: the file has %d lines, want %d", hash, got, len(want))
		}
		if got := strings.Contains(string(text), "198.51.100.2"); got == hash {
			t.Errorf("hash %v: the file shows the address: %v", hash, got)
		}
		entries, _ := os.ReadDir(m.Dir)
		if len(entries) != 1 {
			t.Errorf("hash %v: %v is left, want one file", hash, entries)
		}
	}
}

// TestMemoryIsBounded forgets the doors that were not opened for longest.
func TestMemoryIsBounded(t *testing.T) {
	m := Memory{t.TempDir(), true}
	for i := range maxDoors + 10 {
		if err := m.Keep(Door{door, uint16(i + 1)}, Record{Burst: time.Second, Gap: 7 * ms}); err != nil {
			t.Fatal(err)
		}
	}
	for port, want := range map[uint16]bool{1: false, 10: false, 11: true, maxDoors + 10: true} {
		if got := m.Recall(Door{door, port}) != (Record{}); got != want {
			t.Errorf("port %d: remembered is %v, want %v", port, got, want)
		}
	}
	if info, err := os.Stat(filepath.Join(m.Dir, memoryName)); err != nil || info.Size() > maxMemory || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600 and at most %d bytes", info, err, maxMemory)
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
	type opening struct {
		tries      int
		gap, after time.Duration
	}
	strict := []opening{{6, 15 * ms, 180 * ms}, {1, 15 * ms, 110 * ms}, {1, 11 * ms, 100 * ms}, {2, 8 * ms, 150 * ms}}
	tolerant := []opening{{5, 0, 80 * ms}, {1, 7 * ms, 170 * ms}, {3, 0, 60 * ms}}
	for _, tt := range []struct {
		name     string
		openings []opening
		want     string // the advice before each opening, and after the last
	}{
		{"opens at once", []opening{{1, 0, 50 * ms}, {3, 0, 60 * ms}}, "0s 0s 0s"},
		{"strict: paced is better", strict, "0s 15ms 11.25ms 8.4375ms 12.65625ms"},
		{"tolerant: paced is worse", tolerant, "0s 7ms 0s 0s"},
	} {
		var r Record
		got := fmt.Sprint(r.Advice())
		for _, o := range tt.openings {
			r = r.Learn(r.Advice(), o.tries, o.gap, o.after)
			got += fmt.Sprint(" ", r.Advice())
		}
		if got != tt.want {
			t.Errorf("%s: the advice is %v, want %v", tt.name, got, tt.want)
		}
	}
}

func FuzzParseEntry(f *testing.F) {
	f.Add("[198.51.100.2]:22 burst=1ms paced=2ms gap=3ms")
	f.Add("|00|11 burst=1h paced=0s gap=0s")
	f.Fuzz(func(t *testing.T, line string) {
		e, ok := parseEntry(line)
		if ok && (e.Gap < 0 || e.Gap > maxGap || e.name == "") {
			t.Errorf("%q: got %v", line, e)
		}
		e.is(ssh)
	})
}
