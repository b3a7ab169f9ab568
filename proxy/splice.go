package proxy

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// Traffic counts the bytes of a session, while it goes on too.
type Traffic struct {
	Sent     atomic.Int64 // to the network
	Received atomic.Int64 // from the network
}

// farewell is how long the server may take to end a session whose ssh is gone. To
// leave at once would reset the connection if anything has come in meanwhile, which
// sshd logs as an error.
const farewell = 2 * time.Second

// Splice carries in to conn and conn to out, until the network's side ends. It
// takes conn over; the end of the process closes it.
//
// The end of in is passed on, and the other way goes on: an answer may follow.
// The end of conn ends all, without waiting for in, which may never end: a read
// from a pipe cannot be woken, so the goroutine that reads is left to the end of
// the process.
//
// Where nobody reads out any more, that is the end too, even if conn is silent
// (on Linux; elsewhere only when there is something to write). It is no error if
// in is a pipe that nobody writes any more either: that is how ssh ends. Else the
// error is EPIPE. Other errors are the system's own.
func Splice(conn net.Conn, in, out *os.File, traffic *Traffic) error {
	network, err := detach(conn)
	if err != nil {
		return cause(err)
	}
	sent := make(chan error, 1)
	go func() {
		err := carryUp(network, in, &traffic.Sent)
		network.closeWrite()
		sent <- err
	}()
	err = carryDown(out, network, &traffic.Received)
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
