package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"knockpipe/knock"
	"knockpipe/knock/once"
	"knockpipe/proxy"
)

// ownTries is how often the first unused sequence of a list is sent before the one
// after it, and those after that one which were sent before. A crash between the
// server's stroke and ours leaves the server ahead, and so does a sequence that
// arrives while sshd does not run. Only one that was never sent is sent ahead, and
// once: whoever listens could use it later.
const ownTries = 2

// onceEvery is how often a connect starts while a list is tried: as seldom as the
// limit for the first second asks for, if the connects are to cover ownTries. The
// one that gets in tells which sequence has opened.
const onceEvery = 34 * time.Millisecond

// fewLeft is when to make a new list.
const fewLeft = 5

const newListHint = "make a new list by knockpipe -once 100 FILE, and copy it to the server"

// A onceList is the list that a step once:FILE names.
type onceList struct {
	path string
	left int // how many are unused; zero while another process has the list

	mu    sync.Mutex
	list  *once.List // open and locked from the first try on
	ahead int        // how many sequences after the first one to try
	sent  map[netip.Addr][]int
	ended bool // nothing is sent any more
}

// findList finds the list of a plan, and that something is left in it. -rules does
// not need the list: the server reads its own copy.
func (p *plan) findList() error {
	if !p.knocks.Has(knock.Once) || p.question.explain || p.question.rules != "" {
		return nil
	}
	path := p.knocks[0].Text
	if p.question.knockOnly {
		return fmt.Errorf("-k would spend a sequence of %s that opens nothing", path)
	}
	p.once = &onceList{path: path, sent: make(map[netip.Addr][]int)}
	list, err := once.Open(path)
	switch {
	case err == nil:
		p.once.left = list.Left()
		list.Close()
	case errors.Is(err, once.ErrUsedUp):
		return &failure{code: exitUsage, err: fmt.Errorf("once:%s: %w", path, err),
			hint: newListHint}
	case !errors.Is(err, once.ErrBusy): // who uses it will not be long
		return fmt.Errorf("once:%s: %w", path, withoutPath(err))
	}
	return nil
}

// knock sends the sequence for one more try at an address.
func (o *onceList) knock(ctx context.Context, to netip.Addr, send func(knock.Sequence) error) error {
	seq, n, err := o.next(ctx, to)
	if err != nil {
		return fmt.Errorf("once:%s: %w", o.path, withoutPath(err))
	}
	if err := send(seq); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent[to] = append(o.sent[to], n)
	return nil
}

// next is the sequence to send, and its place among the unused ones.
func (o *onceList) next(ctx context.Context, to netip.Addr) (knock.Sequence, int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.list == nil || o.ended {
		if o.ended || ctx.Err() != nil {
			return nil, 0, context.Canceled
		}
		var err error
		switch o.list, err = once.Open(o.path); {
		case errors.Is(err, once.ErrBusy):
			select {
			case <-ctx.Done():
				return nil, 0, ctx.Err()
			case <-time.After(20 * time.Millisecond):
			}
		case err != nil:
			return nil, 0, err
		default:
			o.ahead = o.list.Ahead()
		}
	}
	n := len(o.sent[to]) - ownTries + 1
	if n < 0 || n > o.ahead {
		n = 0
	}
	return o.list.Sequence(n), n, o.list.Sent(n)
}

// strike marks what opened the door as used, with all before it, and warns before
// the end of the list.
func (o *onceList) strike(opening proxy.Opening, report *reporter) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	if o.list == nil {
		return
	}
	defer o.list.Close()
	if opening.Tries == 0 { // it was open without us
		return
	}
	before := o.list.Left()
	if err := o.list.Strike(o.sent[opening.Addr][opening.Tries-1] + 1); err != nil {
		report.tell(true, fmt.Sprintf("once:%s: not struck: %v", o.path, withoutPath(err)))
	}
	switch left := o.list.Left(); {
	case left == 0:
		report.tell(true, fmt.Sprintf("once:%s: no sequence is left: %s", o.path, newListHint))
	case left == 1:
		report.tell(true, fmt.Sprintf("once:%s: 1 sequence is left, and knockd 0.8 dies of using the last: %s", o.path, newListHint))
	case left <= fewLeft && before > fewLeft:
		report.tell(true, fmt.Sprintf("once:%s: %d sequences are left", o.path, left))
	}
}
