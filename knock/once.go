package knock

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"knockpipe/internal/file"
	"knockpipe/knock/once"
)

// Once is the next sequence of a list, each of which opens the door once.
type Once struct {
	Path string // of the list
}

func parseOnce(path, _ string) (Step, error) { return Once{path}, nil }

// Kind returns once.
func (Once) Kind() string { return "once" }

func (o Once) String() string { return "once:" + o.Path }

// Facts spaces out connects so that the limit of the first second lasts for ownTries. The
// connect that gets in tells which sequence opened the door.
func (o Once) Facts() Facts {
	return Facts{
		Rest: 400 * time.Millisecond, Every: 34 * time.Millisecond, Spent: true, Whole: true,
		File: o.Path, Server: "one-time sequences need knockd",
	}
}

func (o Once) at(folder, home string) Step { return Once{absolute(o.Path, folder, home)} }

// send sends nothing: a sequence of the list is sent in its place.
func (Once) send(context.Context, *Sender) error { return errors.New("no sequence of the list") }

// ownTries is how often the first unused sequence of a list is sent before the one after
// it, and those after that one which were sent before. After a crash between the server's
// stroke and ours, the server is ahead, and also after a sequence arrives while sshd does
// not run. Only one sequence that was never sent is sent ahead, because an eavesdropper
// could use it later.
const ownTries = 2

// fewLeft is when to make a new list.
const fewLeft = 5

// newListHint is how to make one.
const newListHint = "make a new list with knockpipe -once 100 FILE and copy it to the server"

// onceSource is a list in use.
type onceSource struct {
	step Once
	left int // how many are unused; zero while another process has the list

	mu    sync.Mutex
	list  *once.List // open and locked from the first try on
	ahead int        // how many sequences after the first one to try
}

// source opens the list and checks that something is left in it.
func (o Once) source() (Source, error) {
	s := &onceSource{step: o}
	list, err := once.Open(o.Path, checkOnce)
	switch {
	case err == nil:
		s.left = list.Left()
		list.Close()
	case !errors.Is(err, file.ErrBusy): // the other process has it for a moment only
		return nil, s.wrong(err)
	}
	return s, nil
}

// checkOnce returns an error for a sequence that cannot be in a list.
func checkOnce(words []string) error {
	seq, err := Parse(words)
	if err == nil && (!seq.Ordered() || seq.Pauses() > 0) {
		err = errors.New("not a sequence of ports")
	}
	return err
}

func (s *onceSource) wrong(err error) error {
	err = fmt.Errorf("%v: %w", s.step, file.WithoutPath(err))
	if errors.Is(err, once.ErrUsedUp) {
		return &HintError{err, newListHint}
	}
	return err
}

func (s *onceSource) Supply() (left, hint string) {
	switch {
	case s.left == 0:
		return file.ErrBusy.Error(), "try again when that process has finished"
	case s.left <= fewLeft:
		hint = newListHint
	}
	return sequences(s.left) + " left", hint
}

func sequences(n int) string {
	if n == 1 {
		return "1 sequence"
	}
	return fmt.Sprintf("%d sequences", n)
}

func (s *onceSource) Next(ctx context.Context, _ netip.Addr, try int) (Sequence, error) {
	for {
		if err := ctx.Err(); err != nil { // no sequence is spent on a door that is open
			return nil, err
		}
		seq, err := s.next(try)
		if !errors.Is(err, file.ErrBusy) {
			return seq, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *onceSource) next(try int) (Sequence, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list == nil {
		list, err := once.Open(s.step.Path, checkOnce)
		if err != nil {
			return nil, s.wrong(err)
		}
		s.list, s.ahead = list, list.Ahead()
	}
	n := s.place(try)
	seq, err := Parse(s.list.Words(n))
	if err == nil {
		err = s.list.Sent(n)
	}
	if err != nil {
		return nil, s.wrong(err)
	}
	return seq, nil
}

// place is which of the unused sequences a try sends, from 0.
func (s *onceSource) place(try int) int {
	if n := try - ownTries; 0 < n && n <= s.ahead {
		return n
	}
	return 0
}

// Opened strikes the sequence that opened the door and all before it, and warns when few
// are left.
func (s *onceSource) Opened(_ netip.Addr, tries int) (warning string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list == nil {
		return ""
	}
	defer s.close()
	if tries == 0 { // it was open without us
		return ""
	}
	before := s.list.Left()
	var warnings []string
	if err := s.list.Strike(s.place(tries) + 1); err != nil {
		warnings = append(warnings, fmt.Sprintf("the used sequence was not struck out: %v", file.WithoutPath(err)))
	}
	switch left := s.list.Left(); {
	case left == 0:
		warnings = append(warnings, "no sequence is left: "+newListHint)
	case left == 1:
		warnings = append(warnings, "1 sequence is left, and knockd 0.8 crashes when the last one is used: "+newListHint)
	case left <= fewLeft && before > fewLeft:
		warnings = append(warnings, fmt.Sprintf("%d sequences are left", left))
	}
	if len(warnings) == 0 {
		return ""
	}
	return s.step.String() + ": " + strings.Join(warnings, "; ")
}

func (s *onceSource) Failed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
}

func (s *onceSource) close() {
	if s.list != nil {
		s.list.Close()
		s.list = nil
	}
}
