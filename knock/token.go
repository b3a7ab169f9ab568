package knock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"knockpipe/knock/token"
)

// Token is a one-time token of a key file. One packet with it opens the door.
type Token struct {
	Path string // of the key file

	key *token.Key // nil before [Sequence.Load]
}

func parseToken(path, _ string) (Step, error) { return Token{Path: path}, nil }

// Kind returns token.
func (Token) Kind() string { return "token" }

func (t Token) String() string { return "token:" + t.Path }

// Facts says that each packet opens by itself: there is no order to lose.
func (t Token) Facts() Facts {
	return Facts{Single: true, Whole: true, File: t.Path, Server: "one-time tokens need nftables"}
}

func (t Token) at(folder, home string) Step { return Token{Path: absolute(t.Path, folder, home)} }

func (t Token) load(Env) (Step, error) {
	key, err := token.Read(t.Path)
	if err != nil {
		return t, err
	}
	t.key = key
	return t, nil
}

// send sends two tokens of the present slot, because there is no second try if one was
// used.
func (t Token) send(ctx context.Context, s *Sender) error {
	source, err := t.source()
	if err != nil {
		return err
	}
	seq, err := source.Next(ctx, s.To, lastPair)
	if err != nil {
		return err
	}
	return seq[0].send(ctx, s)
}

// source checks the clock, from which all tokens are computed.
func (t Token) source() (Source, error) {
	if t.key == nil {
		return nil, errors.New("not loaded")
	}
	if err := token.CheckClock(time.Now()); err != nil {
		return nil, &HintError{fmt.Errorf("%v: %w", t, err), "set the clock: a token is computed from the time"}
	}
	return &tokenSource{key: t.key, hands: make(map[netip.Addr]*hand), left: make(map[token.Slot][]int)}, nil
}

// When a try sends what.
const (
	// LastAlone is the last try that sends only the first token. These tries leave within
	// the first tenth of a second: the token is lost only if each of their packets is
	// lost. What a later one opens does not open as it should.
	LastAlone = 6

	lastPair = 8 // with a new one: another machine with the same key may have used the first

	// After those, each try sends a token of each slot that may count at the server, in
	// case its clock differs or it has just booted. They take the carriers in turn, and
	// are new after this many tries.
	newHand = 4
)

// tokenSource is a key in use. It needs no state but the clock.
type tokenSource struct {
	key *token.Key

	mu    sync.Mutex
	hands map[netip.Addr]*hand
	left  map[token.Slot][]int // which tokens of a slot were not drawn
}

// A hand is the tokens that are tried at an address.
type hand struct {
	first, second             [token.Size]byte
	round                     int // of those below
	present, before, upcoming [token.Size]byte
}

// Next returns what a try sends: one step, of one to three packets.
func (s *tokenSource) Next(_ context.Context, to netip.Addr, try int) (Sequence, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := token.SlotOf(time.Now())
	h := s.hands[to]
	if h == nil {
		h = &hand{first: s.draw(now), round: -1}
		s.hands[to] = h
	}
	v := &volley{carriers: s.key.Carriers}
	switch {
	case try <= LastAlone:
		v.add(h.first, 0)
	case try <= lastPair:
		if h.second == ([token.Size]byte{}) {
			h.second = s.draw(now)
		}
		v.add(h.first, 0)
		v.add(h.second, 0)
		if len(v.carriers) > 1 {
			v.add(h.first, 1)
		}
	default:
		n := try - lastPair - 1
		if round := n / newHand; round != h.round {
			h.round = round
			h.present, h.before, h.upcoming = s.draw(now), s.draw(now-1), s.draw(now+1)
		}
		carrier := n % len(v.carriers)
		v.add(h.present, carrier)
		v.add(h.upcoming, carrier)
		v.add(h.before, carrier)
	}
	return Sequence{v}, nil
}

// draw returns a token of a slot at random, each one once as long as there are some.
func (s *tokenSource) draw(slot token.Slot) [token.Size]byte {
	left := s.left[slot]
	if len(left) == 0 {
		left = rand.Perm(token.PerSlot)
	}
	s.left[slot] = left[1:]
	return s.key.Token(slot, left[0])
}

func (*tokenSource) Opened(netip.Addr, int) string { return "" }
func (*tokenSource) Failed()                       {}

// Supply tells what a token depends on: its carriers and the clock.
func (s *tokenSource) Supply() (left, hint string) {
	var by []string
	for _, c := range s.key.Carriers {
		if !slices.Contains(by, c.Proto) {
			by = append(by, c.Proto)
		}
	}
	return fmt.Sprintf("tokens by %s; the clock here says %s", strings.Join(by, ", "), time.Now().UTC().Format("2006-01-02 15:04:05 MST")), ""
}

// A volley is packets with tokens that leave at once.
type volley struct {
	carriers []token.Carrier
	packets  []packet
}

// A packet is a token and which of the carriers takes it.
type packet struct {
	token   [token.Size]byte
	carrier int
}

func (v *volley) add(token [token.Size]byte, carrier int) {
	v.packets = append(v.packets, packet{token, carrier})
}

// Kind returns token.
func (*volley) Kind() string { return "token" }

// String does not show the tokens.
func (*volley) String() string { return "token" }

// Facts are those of the step that it stands for.
func (*volley) Facts() Facts { return Token{}.Facts() }

// send sends the packets. A token that cannot be sent by its carrier is sent by the next
// one that works. It is an error if none does.
func (v *volley) send(_ context.Context, s *Sender) error {
	for _, p := range v.packets {
		var failed error
		for i := range v.carriers {
			c := v.carriers[(p.carrier+i)%len(v.carriers)]
			err := s.sendToken(c, p.token[:])
			if err == nil {
				failed = nil
				break
			}
			if failed == nil {
				failed = fmt.Errorf("by %s: %w", c.Proto, withoutAddr(err))
			}
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

func (s *Sender) sendToken(c token.Carrier, data []byte) error {
	switch c.Proto {
	case "icmp":
		return s.sendEcho(data)
	case "tcp":
		if c.Port == s.Port {
			return errors.New("the service port cannot carry a token")
		}
		return s.sendSYNData(c.Port, data)
	}
	return s.sendDatagram(c.Port, data)
}
