package state

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"knockpipe/internal/file"
	"knockpipe/proxy"
)

// Turns lets processes that share a folder knock one at a time at an address. Some
// doors (knockd, iptables recent) keep one state for each client address, so two
// sequences at the same time spoil each other.
type Turns struct {
	Dir string // from RuntimeDir; without it, everybody has a turn at once

	// Patience is how long a process may have its turn. One that has it longer was
	// stopped (Ctrl-Z), and the others take turns without it. Zero is for ever.
	Patience time.Duration
}

// Wait waits until no other process has its turn at an address, and returns a turn
// of this one. If another one gets in before that, it returns how long its connect
// took; all that wait are told so, and have to Wait again for a turn of their own.
// If ctx ends first, it returns the zero Turn.
//
// Without a folder, or where locks do not work, the turn comes at once. A process
// that ends without the End of its turn holds nobody up.
func (t Turns) Wait(ctx context.Context, to netip.Addr) proxy.Turn {
	if t.Dir == "" {
		return proxy.Turn{End: func(time.Duration) {}}
	}
	return t.wait(ctx, hidden(to))
}

// A waiter looks again when a sixteenth of the time that it has waited is over, so that
// it learns of an opening a little late at the most, and costs next to nothing at a door
// that stays shut: looking every 8 ms, a hundred took 1.6 processors. A process that had
// its turn leaves the door to others for 100 ms: every waiter looks within that time.
const (
	shortest = 1 * time.Millisecond
	longest  = 64 * time.Millisecond
)

// wait takes turns by the lock of one file, which also holds the news.
//
// All that wait when another process gets in are told of it, whatever comes after.
// They read the news before they first ask for the lock, and again each time they
// have asked: also when they get it, as it may just have been given back with news.
// The next turn, however short, cannot hide the news: the number of openings only
// grows, and a turn that does not get in leaves it and the time as they are.
func (t Turns) wait(ctx context.Context, name string) proxy.Turn {
	// Go closes the file on exec, and the kernel gives the lock back when the file is
	// closed, be it by a kill.
	f, err := os.OpenFile(filepath.Join(t.Dir, name+".turn"), os.O_RDWR|os.O_CREATE|file.NoFollow, 0o600)
	if err != nil {
		return proxy.Turn{End: func(time.Duration) {}}
	}
	last := readNews(f)
	begun := time.Now()
	holder, since := last.turns, begun
	for {
		locked := file.Lock(f)
		now := readNews(f)
		switch {
		case now.opened != last.opened && now.took > 0:
			file.Close(f)
			return proxy.Turn{Took: now.took}
		case locked == nil:
			return now.begin(f)
		case !errors.Is(locked, file.ErrBusy): // no locks on this file system
			f.Close()
			return proxy.Turn{End: func(time.Duration) {}}
		case now.turns != holder: // another one has the lock now
			holder, since = now.turns, time.Now()
		}
		pause := min(max(time.Since(begun)/16, shortest), longest)
		jittered := pause*3/4 + rand.N(pause/2) // a crowd does not look in step
		if t.Patience > 0 {
			left := t.Patience - time.Since(since)
			if left <= 0 {
				f.Close()
				return t.wait(ctx, name+"+")
			}
			jittered = min(jittered, left)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return proxy.Turn{}
		case <-time.After(jittered):
		}
	}
}

// The news is what a turn's file says. Everybody reads it, and only the process that
// has the lock writes it. A reader may see a record that is half written. That does no
// harm: without a time it is no news until the next look, and an older time is as good.
type news struct {
	turns  uint64        // how many have begun
	opened uint64        // how many of them got in
	took   time.Duration // by the connect of the last that did
}

// newsSize is that of a record: turns, opened, and took in microseconds.
const newsSize = 3 * 8

// maxTook is longer than a connect takes. A file that says more is not to be believed.
const maxTook = time.Minute

// begin returns the turn of this process, which has the lock of f and has read n.
func (n news) begin(f *os.File) proxy.Turn {
	n.turns++ // so that nobody counts the time of the turn before
	n.write(f)
	return proxy.Turn{End: func(took time.Duration) {
		if took > 0 {
			n.opened++
			n.took = min(max(took, time.Microsecond), maxTook)
			n.write(f)
		}
		file.Close(f)
	}}
}

// readNews returns what a file says. One that is empty, or cannot be read, says
// nothing.
func readNews(f *os.File) news {
	var record [newsSize]byte
	if _, err := f.ReadAt(record[:], 0); err != nil {
		return news{}
	}
	n := news{turns: binary.BigEndian.Uint64(record[:]), opened: binary.BigEndian.Uint64(record[8:])}
	if took := binary.BigEndian.Uint64(record[16:]); took <= uint64(maxTook/time.Microsecond) {
		n.took = time.Duration(took) * time.Microsecond
	}
	return n
}

func (n news) write(f *os.File) {
	var record [newsSize]byte
	binary.BigEndian.PutUint64(record[:], n.turns)
	binary.BigEndian.PutUint64(record[8:], n.opened)
	binary.BigEndian.PutUint64(record[16:], uint64(n.took.Microseconds()))
	f.WriteAt(record[:], 0)
}

// hidden is the name of an address in this folder, which does not show it.
func hidden(to netip.Addr) string {
	sum := sha256.Sum256([]byte("turn " + to.String()))
	return hex.EncodeToString(sum[:12])
}
