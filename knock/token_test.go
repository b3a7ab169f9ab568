package knock

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"knockpipe/knock/token"
)

// TestTokenTries looks at what the tries of a session bring: the same token first, then
// others, and by the next carrier.
func TestTokenTries(t *testing.T) {
	path := filepath.Join(t.TempDir(), "anna.key")
	carriers := []token.Carrier{{Proto: "udp", Port: 1}, {Proto: "icmp"}}
	if err := token.Write(path, carriers); err != nil {
		t.Fatal(err)
	}
	seq, err := Sequence{Token{Path: path}}.Load(Env{})
	if err != nil {
		t.Fatal(err)
	}
	source, err := seq.Source()
	if err != nil {
		t.Fatal(err)
	}
	if left, hint := source.Supply(); left == "" || hint != "" {
		t.Errorf("got supply %q, %q", left, hint)
	}
	slots := make(map[[token.Size]byte]token.Slot)
	now := token.SlotOf(time.Now())
	for slot := now - 2; slot <= now+3; slot++ {
		for n := range token.PerSlot {
			slots[seq[0].(Token).key.Token(slot, n)] = slot
		}
	}
	to, other := netip.MustParseAddr("198.51.100.2"), netip.MustParseAddr("2001:db8::2")
	packets := func(to netip.Addr, try int) []packet {
		t.Helper()
		seq, err := source.Next(t.Context(), to, try)
		if err != nil || len(seq) != 1 || seq.Knocks() != 1 || !seq.Single() {
			t.Fatalf("try %d: got %v, %v", try, seq, err)
		}
		for _, p := range seq[0].(*volley).packets {
			if slots[p.token] == 0 {
				t.Errorf("try %d: no token", try)
			}
		}
		return seq[0].(*volley).packets
	}
	first := packets(to, 1)
	for try := 2; try <= LastAlone; try++ {
		if got := packets(to, try); len(got) != 1 || got[0] != first[0] {
			t.Errorf("try %d does not repeat the first token", try)
		}
	}
	if got := packets(other, 1); got[0].token == first[0].token {
		t.Error("two addresses get the same token")
	}
	for try := LastAlone + 1; try <= lastPair; try++ {
		got := packets(to, try)
		if len(got) != 3 || got[0] != first[0] || got[1].token == first[0].token || got[2].token != first[0].token || got[2].carrier != 1 {
			t.Errorf("try %d: got %v", try, got)
		}
	}
	seen := make(map[[token.Size]byte]bool)
	for try := lastPair + 1; try <= lastPair+2*newHand; try++ {
		got := packets(to, try)
		if len(got) != 3 {
			t.Fatalf("try %d: got %d packets, want 3", try, len(got))
		}
		for i, p := range got {
			seen[p.token] = true
			if want := (try - lastPair - 1) % 2; p.carrier != want {
				t.Errorf("try %d: carrier %d, want %d", try, p.carrier, want)
			}
			if i > 0 && slots[p.token] == slots[got[0].token] {
				t.Errorf("try %d: two tokens of one slot", try)
			}
		}
	}
	if got, want := len(seen), 2*3; got != want {
		t.Errorf("%d tokens in two hands, want %d", got, want)
	}
	// Drawn again and again, a slot gives each of its tokens before it repeats one.
	s := &tokenSource{key: seq[0].(Token).key, left: make(map[token.Slot][]int)}
	drawn := make(map[[token.Size]byte]bool)
	for range token.PerSlot {
		drawn[s.draw(now)] = true
	}
	if len(drawn) != token.PerSlot {
		t.Errorf("drew %d tokens of %d", len(drawn), token.PerSlot)
	}
	s.draw(now)
}
