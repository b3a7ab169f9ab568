package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"knockpipe/proxy"
)

// A client is the program that runs this process and wants the connection, usually ssh.
// It is gone when it sends a signal or when nobody reads stdout any more, because an ssh
// that is killed sends no signal. The end of stdin is not enough.
type client struct {
	stdout *os.File
	ends   []os.Signal // by which it says so: not those that this process was started to ignore, as by nohup

	signals chan os.Signal
	caught  bool
}

func newClient(process Process) *client {
	c := &client{stdout: process.Stdout, signals: make(chan os.Signal, 1)}
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP, syscall.SIGTERM} {
		if !signal.Ignored(s) {
			c.ends = append(c.ends, s)
		}
	}
	return c
}

// catch is for a run that has something to do when a signal ends it. Other runs let the
// signal kill them. catch starts a thread, which takes too long for a run that opens a
// door at once.
func (c *client) catch() {
	signal.Notify(c.signals, c.ends...)
	c.caught = true
}

// leave restores the system's handling of a signal.
func (c *client) leave(s os.Signal) {
	c.ends = slices.DeleteFunc(c.ends, func(end os.Signal) bool { return end == s })
	if c.caught {
		signal.Reset(s)
	}
}

// goneError is why a client is gone.
type goneError struct {
	signal os.Signal // nil if it is only that nobody reads stdout
}

func (e *goneError) Error() string {
	if e.signal == nil {
		return "stdout: its reader is gone"
	}
	return e.signal.String()
}

// readerEvery is how often to check whether anyone reads stdout: often enough to exit
// within a second after ssh, and rarely enough to cost nothing. Waiting for the end of
// the reader instead would need a thread, or the poller of Go's runtime, which changes
// flags of a descriptor that others share.
const readerEvery = 250 * time.Millisecond

// while returns a context for work on behalf of the client. It ends when the client is
// gone, and gone tells why. The caller calls stop, after which nothing runs on.
func (c *client) while(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	unlook := every(readerEvery, func() (again bool) {
		if again = proxy.HasReader(c.stdout); !again {
			cancel(new(goneError))
		}
		return again
	})
	deaf := func() {}
	if c.caught {
		deaf = c.hear(cancel)
	}
	return ctx, sync.OnceFunc(func() {
		unlook()
		deaf()
		cancel(context.Canceled)
	})
}

// settling is the time after which a session is under way and waits for the network.
const settling = 20 * time.Millisecond

// signaled returns a context for a session, which watches its stdout itself. It ends at a
// signal. The caller calls stop, after which nothing runs on.
func (c *client) signaled(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	deaf, unsettle := func() {}, func() {}
	if c.caught {
		deaf = c.hear(cancel)
	} else {
		if slices.Contains(c.ends, os.Signal(syscall.SIGHUP)) {
			signal.Ignore(syscall.SIGHUP) // an ssh that ends so soon closes its pipes, too
		}
		unsettle = every(settling, func() (again bool) {
			c.catch()
			deaf = c.hear(cancel)
			return false
		})
	}
	return ctx, sync.OnceFunc(func() {
		unsettle()
		deaf()
		cancel(context.Canceled)
	})
}

// hear waits for a signal. The caller calls stop, after which it does not wait any more.
func (c *client) hear(cancel context.CancelCauseFunc) (stop func()) {
	stopped, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case s := <-c.signals:
			cancel(&goneError{s})
		case <-stopped:
		}
	}()
	return func() {
		close(stopped)
		<-ended
	}
}

// every calls f at this interval until f returns false. The caller calls stop, after
// which f does not run and is not called any more.
func every(d time.Duration, f func() (again bool)) (stop func()) {
	var mu sync.Mutex
	var timer *time.Timer
	stopped := false
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(d, func() {
		mu.Lock()
		defer mu.Unlock()
		if !stopped && f() {
			timer.Reset(d)
		}
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		stopped = true
		timer.Stop()
	}
}

// gone returns why the client of a context is gone, or nil.
func gone(ctx context.Context) error {
	if e, ok := errors.AsType[*goneError](context.Cause(ctx)); ok {
		return e
	}
	return nil
}

// dieBy ends this process with a signal, so that its parent sees why. It returns if the
// system does not support that.
func dieBy(s os.Signal) {
	signal.Reset(s)
	self, err := os.FindProcess(os.Getpid())
	if err != nil || self.Signal(s) != nil {
		return
	}
	time.Sleep(time.Second) // another thread may get it
}
