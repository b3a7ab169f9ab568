//go:build linux

package lab

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait for something that happens soon or never.
const patience = 10 * time.Second

// A Daemon is a program that runs on a host until the test ends.
type Daemon struct {
	t     testing.TB
	name  string
	ended chan struct{}

	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{} // closed at the next change
}

// Daemon starts a program that stays in the foreground, and returns when it has
// written ready to its stdout or stderr.
func (h *Host) Daemon(t testing.TB, ready, name string, args ...string) *Daemon {
	t.Helper()
	d := h.daemon(t, name, args...)
	d.Await(ready)
	return d
}

func (h *Host) daemon(t testing.TB, name string, args ...string) *Daemon {
	t.Helper()
	Need(t, name)
	d := &Daemon{t: t, name: name, ended: make(chan struct{}), changed: make(chan struct{})}
	cmd := h.Command(name, args...)
	cmd.Stdout, cmd.Stderr = d, d
	if err := cmd.Start(); err != nil {
		t.Fatalf("lab: %v", err)
	}
	go func() {
		cmd.Wait() // its end is in the log, if it says anything
		close(d.ended)
	}()
	return d
}

// Log returns what the program has written so far.
func (d *Daemon) Log() string {
	text, _ := d.log()
	return text
}

// Await returns when the log contains text.
func (d *Daemon) Await(text string) {
	d.t.Helper()
	d.await(text, func(log string) bool { return strings.Contains(log, text) })
}

// await returns when the log is as wanted, or fails the test.
func (d *Daemon) await(what string, ok func(log string) bool) {
	d.t.Helper()
	deadline := time.After(patience)
	for {
		log, changed := d.log()
		if ok(log) {
			return
		}
		select {
		case <-changed:
		case <-d.ended:
			if log := d.Log(); !ok(log) {
				d.t.Fatalf("lab: %s ended without %q in its log:\n%s", d.name, what, log)
			}
		case <-deadline:
			d.t.Fatalf("lab: %s has no %q in its log after %v:\n%s", d.name, what, patience, log)
		}
	}
}

func (d *Daemon) log() (string, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String(), d.changed
}

// Write adds to the log. It is for the program's output.
func (d *Daemon) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.changed)
	d.changed = make(chan struct{})
	return d.text.Write(p)
}
