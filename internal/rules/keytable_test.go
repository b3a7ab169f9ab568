package rules

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"knockpipe/knock/token"
)

func TestKeyName(t *testing.T) {
	for path, want := range map[string]string{
		"": "", ".key": "", "/": "", "a b.key": "", "änna.key": "", "x;y": "", `x"`: "", "..": "", strings.Repeat("x", 65): "",
		"anna.key": "anna", "/etc/knockpipe/anna-laptop.key": "anna-laptop", "anna": "anna", "Anna_2.old.key": "Anna_2.old",
	} {
		got, err := KeyName(path)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", path, got, err, want)
		}
	}
}

// TestSupply checks that a script has the right tokens, and none whose time has begun.
func TestSupply(t *testing.T) {
	key := newKey(t)
	for _, second := range []int64{0, 1, 60, 119} {
		for _, fresh := range []bool{false, true} {
			for _, length := range []time.Duration{MinSupply, 24 * time.Hour, MaxSupply} {
				if length > MinSupply && second > 0 {
					continue // it takes its time
				}
				now := time.Unix(14916666*120+second, 0)
				s := &Supply{Name: "anna", Key: key, Now: now, For: length, Fresh: fresh}
				var b strings.Builder
				if err := s.Write(&b); err != nil {
					t.Fatal(err)
				}
				slots := make(map[token.Slot]int)
				for line := range strings.Lines(b.String()) {
					words := strings.Fields(line) // 0x... timeout 3600s : 14916666,
					if !strings.HasPrefix(line, "0x") || len(words) != 5 {
						continue
					}
					if len(words[0]) != len("0x")+2*token.Size {
						t.Fatalf("got token %q", words[0])
					}
					n, _ := strconv.ParseUint(strings.TrimRight(words[4], ",}"), 10, 64)
					slot := token.Slot(n)
					slots[slot]++
					if !fresh && !slot.Opens().After(now) {
						t.Errorf("second %d: slot %d is in it, whose time has begun", second, slot)
					}
					if slot.Shuts().After(now.Add(length)) || !slot.Shuts().After(now) {
						t.Errorf("second %d: slot %d counts until %v", second, slot, slot.Shuts().Sub(now))
					}
					left, _ := strconv.Atoi(strings.TrimSuffix(words[2], "s"))
					if got, want := now.Add(time.Duration(left)*time.Second), slot.Shuts().Add(time.Hour); !got.Equal(want) {
						t.Errorf("second %d: a token is known until %v, want %v", second, got, want)
					}
				}
				for slot, n := range slots {
					if n != token.PerSlot {
						t.Errorf("slot %d has %d tokens", slot, n)
					}
				}
				if got, most := len(slots), int(length/(2*time.Minute))+1; got > most || got < most-4 {
					t.Errorf("second %d, fresh %v, for %v: %d slots, want %d", second, fresh, length, got, most)
				}
				if first := token.SlotOf(now) - 1; (slots[first] > 0) != fresh {
					t.Errorf("second %d, fresh %v: the slot before is in it: %v", second, fresh, slots[first] > 0)
				}
				if got := strings.Contains(b.String(), "\ncreate chain inet knockpipe_key_anna open_v1\n"); got != fresh {
					t.Errorf("fresh %v: create is in it: %v", fresh, got)
				}
				if strings.Contains(b.String(), "timeout 0s") {
					t.Error("an element without end")
				}
			}
		}
	}
}

// TestSupplyFlush checks that the line that removes the old rules is never written in two
// pieces, nor the beginning of the new ones without it.
func TestSupplyFlush(t *testing.T) {
	key := newKey(t)
	for _, length := range []time.Duration{MinSupply, time.Hour, 24 * time.Hour, MaxSupply} {
		var writes []string
		s := &Supply{Name: strings.Repeat("a", maxKeyName), Key: key, Now: time.Unix(14916666*120, 0), For: length}
		if err := s.Write(writerFunc(func(p []byte) { writes = append(writes, string(p)) })); err != nil {
			t.Fatal(err)
		}
		const pipeBuf = 4096
		n := 0
		for _, text := range writes {
			if !strings.Contains(text, "flush ") {
				continue
			}
			n++
			if len(text) > pipeBuf || strings.Count(text, "flush ") != 6 || !strings.HasSuffix(text, "elements = {") {
				t.Errorf("for %v: it is in a write of %d bytes, want one of at most %d up to the elements:\n%.900s", length, len(text), pipeBuf, text)
			}
		}
		if n != 1 {
			t.Errorf("for %v: it is in %d of %d writes, want one", length, n, len(writes))
		}
	}
}

// newKey makes a key with the usual carriers.
func newKey(t *testing.T) *token.Key {
	t.Helper()
	path := filepath.Join(t.TempDir(), "anna.key")
	if err := token.Write(path, nil); err != nil {
		t.Fatal(err)
	}
	key, err := token.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }
