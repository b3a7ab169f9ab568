package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"knockpipe/proxy"
)

// A client is whoever runs this process and wants the connection: ssh, mostly. It is
// gone when it says so by a signal, or when nobody reads stdout any more: an ssh that
// is killed says nothing. The end of stdin alone is no sign.
type client struct {
	stdout  *os.File
	signals chan os.Signal
}

// newClient is told of the signals from now on, but for those that this process was
// started to ignore, as by nohup.
func newClient(process Process) *client {
	c := &client{stdout: process.Stdout, signals: make(chan os.Signal, 1)}
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP, syscall.SIGTERM} {
		if !signal.Ignored(s) {
			signal.Notify(c.signals, s)
		}
	}
	return c
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

// readerEvery is how often to look whether somebody reads stdout: often enough to be
// gone a second after ssh, and seldom enough to cost nothing. To wait for the end of the
// reader instead would take a thread, or the poller of Go's runtime, which leaves its
// marks on a descriptor that others share.
const readerEvery = 250 * time.Millisecond

// while is ctx for what is done for the client: it ends when the client is gone, and
// gone tells why. The caller calls stop, after which nothing of it runs on.
func (c *client) while(ctx context.Context) (_ context.Context, stop func()) {
	tick := time.NewTicker(readerEvery)
	return c.until(ctx, tick.C, tick.Stop)
}

// signaled is ctx for a session, which looks after its stdout itself: it ends at a
// signal. The caller calls stop, after which nothing of it runs on.
func (c *client) signaled(ctx context.Context) (_ context.Context, stop func()) {
	return c.until(ctx, nil, func() {})
}

func (c *client) until(ctx context.Context, look <-chan time.Time, end func()) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stopped, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer end()
		for {
			if look != nil && !proxy.HasReader(c.stdout) {
				cancel(new(goneError))
				return
			}
			select {
			case <-look:
			case s := <-c.signals:
				cancel(&goneError{s})
				return
			case <-stopped:
				return
			}
		}
	}()
	return ctx, sync.OnceFunc(func() {
		close(stopped)
		<-ended
		cancel(context.Canceled)
	})
}

// gone returns why the client of a context is gone, or nil.
func gone(ctx context.Context) error {
	if e, ok := errors.AsType[*goneError](context.Cause(ctx)); ok {
		return e
	}
	return nil
}

// dieBy ends this process by a signal, so that whoever started it sees why. It returns
// where the system does not know that.
func dieBy(s os.Signal) {
	signal.Reset(s)
	self, err := os.FindProcess(os.Getpid())
	if err != nil || self.Signal(s) != nil {
		return
	}
	time.Sleep(time.Second) // another thread may get it
}
