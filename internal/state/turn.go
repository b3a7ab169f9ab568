package state

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"knockpipe/internal/file"
	"knockpipe/proxy"
)

// Turns lets processes that share a directory knock at an address one at a time. Some
// doors (knockd, iptables recent) keep one state for each client address, so two
// sequences at the same time spoil each other.
type Turns struct {
	Dir string // from RuntimeDir; without it, everybody has a turn at once

	// Patience is how long a process may have its turn. One that has it longer was
	// stopped (Ctrl-Z), and the others take turns without it. With zero, only the
	// remaining time counts.
	Patience time.Duration

	mu   sync.Mutex
	seen map[string]sight // who had which lock
	poll bool             // there are no bells, for tests whose clock is not the kernel's
}

// A sight is a turn of another process, and the time since which it has been seen.
type sight struct {
	turns uint64
	since time.Time
}

// Wait waits until no other process has its turn at an address, and returns a turn for
// this one. If another process gets in before that, Wait returns how long its connect
// took. All waiting processes learn this, and have to call Wait again for a turn of their
// own. If ctx ends first, it returns the zero Turn.
//
// Without a directory, or if locks do not work, the turn comes at once. A process that
// exits during its turn delays nobody. One that is stopped during its turn delays others
// for at most the patience, and for at most half of the remaining time over all waits.
func (t *Turns) Wait(ctx context.Context, to netip.Addr) proxy.Turn {
	if t.Dir == "" {
		return noTurn
	}
	mine, at := hidden(to)
	for i, n := range at {
		if turn, over := t.waitAt(ctx, fmt.Sprintf("turn-%02x", n), mine, t.patience(ctx, 2+i)); over {
			return turn
		}
	}
	return noTurn
}

// noTurn is the turn of a process that goes on without one.
var noTurn = proxy.Turn{End: func(time.Duration) {}}

// hidden returns a hash that stands for an address, or for a port of one, so that the
// directory shows neither, and the places where its records may be.
func hidden(to fmt.Stringer) (mine uint64, at [places]byte) {
	sum := sha256.Sum256([]byte("turn " + to.String()))
	return binary.BigEndian.Uint64(sum[:]), [places]byte(sum[8:])
}

// places is how many locks an address has, one after the other: the next where the one
// before belongs to a process that was stopped, or to one that knocks at another
// address. There are 256 in all, however many addresses.
const places = 4

// A waiter looks when the bell rings, and also now and then. Without a bell, it looks
// again after a sixteenth of the time that it has waited, so it learns of an opening only
// a little late and costs little at a door that stays shut. A process that had its turn
// leaves the door to others for 100 ms: every waiter looks within that time.
const (
	shortest   = 1 * time.Millisecond
	longest    = 64 * time.Millisecond
	nowAndThen = time.Second
)

// waitAt is Wait at one place. It reports false if the next place has to be tried.
//
// A place is a file that holds the news. The process that has the turn locks it.
//
// All processes that wait when another one gets in learn of it, whatever happens after
// that. They read the news before they first ask for the lock, and again each time they
// have asked, even when they get it: another process may just have released it with news.
// The next turn, however short, cannot hide the news: the number of openings only grows,
// and a turn that does not get in leaves it and the time as they are.
func (t *Turns) waitAt(ctx context.Context, name string, mine uint64, patience time.Duration) (turn proxy.Turn, over bool) {
	// Go closes the file on exec, and the kernel gives the lock back when the file is
	// closed, be it by a kill.
	path := filepath.Join(t.Dir, name)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|file.NoFollow, 0o600)
	if err != nil {
		return noTurn, true
	}
	var bell bell
	defer bell.close()
	last := readNews(f)
	begun := time.Now()
	for look := 0; ; look++ {
		locked := file.Lock(f)
		now := readNews(f)
		switch {
		case now.of == mine && now.opened != last.opened && now.took > 0:
			file.Close(f)
			return proxy.Turn{Took: now.took}, true
		case locked == nil:
			end := func() {}
			if !t.poll {
				end = holdBell(path)
			}
			return now.begin(f, mine, end), true
		case !errors.Is(locked, file.ErrBusy): // no locks on this file system
			f.Close()
			return noTurn, true
		}
		left := patience - time.Since(t.since(name, now.turns))
		if left <= 0 || look > 0 && now.of != mine { // at the first look it may have had no time to say whose it is
			f.Close()
			return proxy.Turn{}, false
		}
		if look == 1 && !t.poll {
			bell.open(path)
		}
		if look > 0 && bell.wait(ctx, min(left, nowAndThen)) {
			begun = time.Now() // another may have its turn by now, and no bell yet
			continue
		}
		pause := min(max(time.Since(begun)/16, shortest), longest)
		jittered := pause*3/4 + rand.N(pause/2) // a crowd does not look in step
		select {
		case <-ctx.Done():
			f.Close()
			return proxy.Turn{}, true
		case <-time.After(min(jittered, left)):
		}
	}
}

// patience is how long one process may keep this one waiting: at most a part of the
// remaining time, so that some is left to knock.
func (t *Turns) patience(ctx context.Context, parts int) time.Duration {
	patience := t.Patience
	if patience == 0 {
		patience = forever
	}
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline)/time.Duration(parts))
	}
	return patience
}

const forever = 1<<63 - 1

// since is when a turn was first seen to last, in any of the waits.
func (t *Turns) since(name string, turns uint64) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.seen[name]
	if !ok || s.turns != turns {
		if t.seen == nil {
			t.seen = make(map[string]sight)
		}
		s = sight{turns, time.Now()}
		t.seen[name] = s
	}
	return s.since
}

// The news is the content of a place's file. Every process reads it, and only the one
// that has the lock writes it. A reader may see a record that is half written. That does
// no harm: without a time, it counts as no news until the next look, and an older time is
// just as good.
type news struct {
	of     uint64        // the address of the last turn, hashed
	turns  uint64        // how many have begun
	opened uint64        // how many of them got in
	took   time.Duration // by the connect of the last that did
}

// newsSize is that of a record: of, turns, opened, and took in microseconds.
const newsSize = 4 * wordSize

// maxTook is longer than any connect takes. A larger value in a file is not trusted.
const maxTook = time.Minute

// begin returns the turn of this process, which has the lock of f and has read n. The
// bell rings when it is over.
func (n news) begin(f *os.File, mine uint64, ring func()) proxy.Turn {
	n.of = mine
	n.turns++ // so that nobody counts the time of the turn before
	n.write(f)
	return proxy.Turn{End: func(took time.Duration) {
		if took > 0 {
			n.opened++
			n.took = min(max(took, time.Microsecond), maxTook)
			n.write(f)
		}
		file.Close(f)
		ring()
	}}
}

// readNews returns the news in a file: none if it is empty or cannot be read.
func readNews(f *os.File) news {
	record, ok := readWords(f, newsSize)
	if !ok {
		return news{}
	}
	n := news{of: record[0], turns: record[1], opened: record[2]}
	if took := record[3]; took <= uint64(maxTook/time.Microsecond) {
		n.took = time.Duration(took) * time.Microsecond
	}
	return n
}

func (n news) write(f *os.File) {
	writeWords(f, n.of, n.turns, n.opened, uint64(n.took.Microseconds()))
}
