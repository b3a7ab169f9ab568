package state

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"knockpipe/proxy"
)

const ms = time.Millisecond

var ssh = Door{door, 22}

// TestMemoryOfBadFile reads files that are not a memory: nothing is known, and
// the next opening makes a good one.
func TestMemoryOfBadFile(t *testing.T) {
	for _, text := range []string{
		"", "\n", "nonsense", "[198.51.100.2]:22 1 7000 50000", "[198.51.100.2]:22 1 7000 50000 true more",
		"[198.51.100.2]:22 4 7000 50000 true", "[198.51.100.2]:22 1 -7000 50000 true", "[198.51.100.2]:22 1 0 50000 true",
		"[198.51.100.2]:22 1 7000000 50000 true", "[198.51.100.2]:22 1 7000 99999999999 true", "[198.51.100.2]:22 1 7000 50000 maybe",
		"|zz|zz 1 7000 50000 true", strings.Repeat("x", maxMemory+1), "\x00\xff",
	} {
		m := Memory{Dir: t.TempDir()}
		if err := os.WriteFile(filepath.Join(m.Dir, memoryName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := m.Recall(ssh); got != (Record{}) {
			t.Errorf("%.40q: got %v, want nothing", text, got)
		}
		want := Record{Strict: 1, Gap: 7 * ms}
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
			ssh: {Strict: -3, Gap: 7 * ms, Took: 50 * ms},
			six: {Strict: 3, Gap: 100 * ms, Took: 250 * ms, Clean: true},
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
		if err := m.Keep(Door{door, uint16(i + 1)}, Record{Strict: 1, Gap: 7 * ms}); err != nil {
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

// TestMemoryOfMany has many keep their doors at the same time: one may forget what
// another has just kept, but what is there is always whole.
func TestMemoryOfMany(t *testing.T) {
	m := Memory{Dir: t.TempDir()}
	want := Record{Strict: 1, Gap: 7 * ms, Took: 50 * ms}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			for range 50 {
				if err := m.Keep(Door{door, uint16(i + 1)}, want); err != nil {
					t.Error(err)
				}
				if len(m.read()) == 0 {
					t.Error("nothing is known")
				}
			}
		})
	}
	wg.Wait()
	for _, e := range m.read() {
		if e.record != want {
			t.Errorf("got %v, want %v", e, want)
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
		{"strict", []proxy.Opening{late, late, waited, waited, waited, again}, "0s 0s 15ms 11.25ms 8.4375ms 7ms 10.5ms"},
		{"strict, and once lucky", []proxy.Opening{late, late, waited, atOnce, waited}, "0s 0s 15ms 11.25ms 8.4375ms 7ms"},
		{"forgiving, over a bad link", []proxy.Opening{late, burst, late, burst, late, late, burst}, "0s 0s 0s 0s 0s 0s 0s 0s"},
		{"forgiving, and twice unlucky", []proxy.Opening{late, late, atOnce, burst}, "0s 0s 15ms 0s 0s"},
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
	r := Record{}.Learn(late).Learn(late)
	if got, want := r.Pace(), (proxy.Pace{Gap: 15 * ms, Rest: 50*ms + slowest, Restart: true}); got != want {
		t.Errorf("after a burst: got %v, want %v", got, want)
	}
	if r = r.Learn(waited); r.Pace().Restart {
		t.Error("after one paced try: got a restart, want none")
	}
}

func FuzzParseEntry(f *testing.F) {
	f.Add("[198.51.100.2]:22 1 7000 50000 true")
	f.Add("|00|11 -3 100000 0 false")
	f.Fuzz(func(t *testing.T, line string) {
		e, ok := parseEntry(line)
		if ok && (e.record.Gap < minGap || e.record.Gap > maxGap || e.name == "") {
			t.Errorf("%q: got %v", line, e)
		}
		e.is(ssh)
	})
}
