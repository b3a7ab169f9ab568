// Package once keeps the client's copy of a list of one-time sequences, as knockd 0.8
// uses them (one_time_sequences): one sequence on each line, with a '#' in place of the
// first byte of a used one. The caller knows what a sequence is.
//
// A sequence that was sent and opened nothing may be used up at the server, if the answer
// was lost or sshd did not run. It begins with a tab in place of a blank.
package once

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"knockpipe/internal/file"
)

const (
	maxFile  = 1 << 20 // bytes of a list that is read
	maxAhead = 8       // how far the server is looked for ahead of us
)

// ErrUsedUp says that no sequence is left.
var ErrUsedUp = errors.New("every sequence has been used")

// A List is a list that is locked for this process.
type List struct {
	file *os.File
	left []entry
}

// An entry is one unused sequence.
type entry struct {
	words  []string
	offset int64 // of the byte to strike
	first  byte  // which is this one
}

// Open reads a list and locks it until Close or the end of the process. It does not wait
// for the lock: the error is [file.ErrBusy] if another process has it. The error is
// ErrUsedUp where no sequence is left. A list that others can read or write is refused.
// An error about a line that check rejects shows only its number.
func Open(path string, check func(words []string) error) (*List, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	l := &List{file: f}
	if err := l.read(check); err != nil {
		f.Close()
		return nil, err
	}
	return l, nil
}

func (l *List) read(check func([]string) error) error {
	info, err := l.file.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("not a regular file")
	case file.Shared(info) != 0:
		return errors.New("others can read or write this file, which holds sequences: chmod 600")
	}
	if err := file.Lock(l.file); err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(l.file, maxFile+1))
	switch {
	case err != nil:
		return err
	case len(text) > maxFile:
		return fmt.Errorf("more than %d bytes", maxFile)
	}
	if l.left, err = parse(string(text), check); err == nil && len(l.left) == 0 {
		err = ErrUsedUp
	}
	return err
}

// parse finds the unused sequences.
func parse(text string, check func([]string) error) ([]entry, error) {
	var left []entry
	var offset int64
	number := 0
	for line := range strings.Lines(text) {
		number++
		at := offset
		offset += int64(len(line))
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := check(words); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		left = append(left, entry{words, at, line[0]})
	}
	return left, nil
}

// Left returns how many sequences are unused.
func (l *List) Left() int { return len(l.left) }

// Words returns the nth unused sequence, from 0, or the last one.
func (l *List) Words(n int) []string {
	return l.left[min(n, len(l.left)-1)].words
}

// Ahead returns how many sequences after the first unused one the server may want:
// those that follow one that was sent before, and always one.
func (l *List) Ahead() int {
	n := 0
	for n < len(l.left) && l.left[n].first == '\t' {
		n++
	}
	return min(max(n, 1), maxAhead)
}

// Sent marks the nth unused sequence as sent, if its line begins with a blank.
func (l *List) Sent(n int) error {
	e := &l.left[min(n, len(l.left)-1)]
	if e.first != ' ' {
		return nil
	}
	e.first = '\t'
	_, err := l.file.WriteAt([]byte("\t"), e.offset)
	return err
}

// Strike marks the first n unused sequences as used, as knockd does. Each takes a write
// of one byte, which is atomic even if the process is killed.
func (l *List) Strike(n int) error {
	for ; n > 0 && len(l.left) > 0; n-- {
		if _, err := l.file.WriteAt([]byte("#"), l.left[0].offset); err != nil {
			return err
		}
		l.left = l.left[1:]
	}
	return l.file.Sync()
}

// Close lets other processes use the list.
func (l *List) Close() { file.Close(l.file) }
