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

// aheadAt is the try that sends the next sequence of a list instead of the first
// unused one. A crash between the server's stroke and ours leaves the server one
// ahead. Only one sequence ahead is ever sent, and once: whoever listens could use
// it later.
const aheadAt = 3

// fewLeft is when the end of a list is near.
const fewLeft = 5

const newListHint = "make a new list by knockpipe -once 100 FILE, and copy it to the server"

// A onceList is the list that a step once:FILE names.
type onceList struct {
	path string
	left int // how many are unused; zero while another process has the list

	mu    sync.Mutex
	list  *once.List // open and locked from the first try on
	tries map[netip.Addr]int
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
	left := 0
	list, err := once.Open(path)
	switch {
	case err == nil:
		left = list.Left()
		list.Close()
	case errors.Is(err, once.ErrUsedUp):
		return &failure{code: exitUsage, err: fmt.Errorf("once:%s: %w", path, err),
			hint: newListHint}
	case !errors.Is(err, once.ErrBusy): // who uses it will not be long
		return fmt.Errorf("once:%s: %w", path, withoutPath(err))
	}
	p.once = &onceList{path: path, left: left, tries: make(map[netip.Addr]int)}
	return nil
}

// next is the sequence for one more try at an address.
func (o *onceList) next(ctx context.Context, to netip.Addr) (knock.Sequence, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.list == nil {
		var err error
		if o.list, err = once.Open(o.path); errors.Is(err, once.ErrBusy) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(20 * time.Millisecond):
			}
		} else if err != nil {
			return nil, withoutPath(err)
		}
	}
	o.tries[to]++
	if o.tries[to] == aheadAt {
		return o.list.Sequence(1), nil
	}
	return o.list.Sequence(0), nil
}

// strike marks what opened the door as used, and warns before the end of the list.
// In doubt it strikes one too few, which the next run makes good.
func (o *onceList) strike(opening proxy.Opening, report *reporter) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.list == nil || opening.Tries == 0 { // it was open without us
		return
	}
	n := 1
	if opening.Tries == aheadAt {
		n = 2
	}
	if err := o.list.Strike(n); err != nil {
		report.tell(true, fmt.Sprintf("once:%s: not struck: %v", o.path, err))
	}
	switch left := o.list.Left(); left {
	case fewLeft:
		report.tell(true, fmt.Sprintf("once:%s: %d sequences are left", o.path, left))
	case 1, 0:
		report.tell(true, fmt.Sprintf("once:%s: %d sequence is left, and knockd 0.8 dies of using the last: make a new list by knockpipe -once 100 FILE", o.path, left))
	}
	o.list.Close()
	o.list = nil
}
