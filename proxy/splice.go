package proxy

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// Traffic counts the bytes of a session, also while the session runs.
type Traffic struct {
	Sent     atomic.Int64 // to the network
	Received atomic.Int64 // from the network
}

// farewell is how long the server may take to end a session whose ssh is gone. Leaving at
// once would reset the connection if data had arrived meanwhile, and sshd logs that as an
// error.
const farewell = 900 * time.Millisecond

// Splice carries in to conn and conn to out, until the network's side ends.
//
// Splice passes on the end of in and continues in the other direction, because an answer
// may follow. The end of conn ends the session, without waiting for in, which may never
// end.
//
// The session also ends when nobody reads out any more, even if conn is silent (on Linux;
// elsewhere only at the next write). If in is a pipe that nobody writes any more either,
// this is how ssh ends and no error. Otherwise the error is EPIPE. Other errors are the
// system's own.
//
// The end of ctx ends the session within a second, whatever in and out do: Splice
// tells the server that no more data will come, and the server has that time to end its
// side. This is not an error.
//
// Splice takes conn over and closes it. The files stay the caller's. A goroutine may
// outlive Splice: a read from a pipe cannot be woken, so the one that reads in is
// left until in or the process ends. Until then it keeps the connection open, and on
// Linux a second descriptor of in. So does the one that writes out, after the end of
// ctx, if nobody reads there.
func Splice(ctx context.Context, conn *net.TCPConn, in, out *os.File, traffic *Traffic) error {
	network, err := detach(conn)
	if err != nil {
		return cause(err)
	}
	// Three use the connection, and the last one closes it. Its number may be that of
	// another file right after.
	var users atomic.Int32
	users.Store(3)
	leave := func() {
		if users.Add(-1) == 0 {
			network.close()
		}
	}
	defer leave()
	var both load
	sent, received := make(chan error, 1), make(chan error, 1)
	go func() {
		defer leave()
		err := carryUp(network, in, &traffic.Sent, &both)
		network.closeWrite()
		sent <- err
	}()
	go func() {
		defer leave()
		received <- carryDown(out, network, &traffic.Received, &both)
	}()
	select {
	case err = <-received:
	case <-ctx.Done():
		network.part(sent, received)
		return nil
	}
	switch {
	case errors.Is(err, syscall.EPIPE) && hungUp(in):
		network.drain(farewell) // what ssh wrote last still goes out meanwhile
		return nil
	case err == nil: // the kernel tells an error once, and may have told the other side
		select {
		case err = <-sent:
		default:
		}
		if errors.Is(err, syscall.EPIPE) {
			err = nil
		}
	}
	return cause(err)
}

// A session that has to end gets the time parting. It first continues for lastWords: ssh
// closes its pipes before it sends a signal, and its last data is still on the way. The
// server then has serverEnd to end the session. Data that arrives after that has no
// reader and is dropped.
const (
	parting   = 900 * time.Millisecond
	lastWords = 300 * time.Millisecond
	serverEnd = 400 * time.Millisecond
)

// part ends a session in an orderly way. Its two directions report their ends.
func (e connEnd) part(sent, received <-chan error) {
	end := time.Now().Add(parting)
	late := time.After(lastWords)
	for going := true; going; {
		select {
		case err := <-received:
			if !errors.Is(err, syscall.EPIPE) {
				return // the server has ended it
			}
			received = nil
		case <-sent: // all of it
			going = false
		case <-late:
			going = false
		}
	}
	e.closeWrite()
	if received != nil {
		select {
		case err := <-received:
			if !errors.Is(err, syscall.EPIPE) {
				return
			}
		case <-time.After(serverEnd):
		}
	}
	e.drain(time.Until(end))
}
