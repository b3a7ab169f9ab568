//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows

package state

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// wait takes two locks for a turn: one that only who wants a turn asks for, and
// one that all others wait for together. With a single one, those who are told of
// the end would keep each other from the next turn.
func (t Turns) wait(ctx context.Context, name string) Turn {
	mine := Turn{End: func(time.Duration) {}}
	turn, err := t.open(name + ".turn")
	if err != nil {
		return mine
	}
	news, err := t.open(name + ".news")
	if err != nil {
		turn.Close()
		return mine
	}
	switch err := lock(turn, exclusive|atOnce); {
	case err == nil:
		lock(news, exclusive) // who still reads it will not be long
		news.Truncate(0)
		return Turn{End: func(took time.Duration) {
			if took > 0 {
				news.WriteAt(strconv.AppendInt(nil, took.Microseconds(), 10), 0)
			}
			unlock(news)
			unlock(turn)
		}}
	case !errors.Is(err, errHeld): // no locks on this file system
		turn.Close()
		news.Close()
		return mine
	}
	turn.Close()
	ended := make(chan time.Duration, 1)
	go func() {
		defer unlock(news)
		lock(news, shared)
		text, _ := io.ReadAll(io.LimitReader(news, 32))
		n, _ := strconv.ParseUint(string(text), 10, 32)
		ended <- time.Duration(n) * time.Microsecond
	}()
	var stopped <-chan time.Time
	if t.Patience > 0 {
		stopped = time.After(t.Patience)
	}
	select {
	case took := <-ended:
		return Turn{Took: took}
	case <-stopped:
		return t.wait(ctx, name+"+")
	case <-ctx.Done():
		return Turn{}
	}
}

// open opens a file for locks. Go closes it on exec, and the kernel gives a lock
// back when its file is closed, however that comes.
func (t Turns) open(name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(t.Dir, name), os.O_RDWR|os.O_CREATE|noFollow, 0o600)
}
