//go:build !linux

package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

// A connEnd is the connection, which needs no special care here.
type connEnd struct{ conn *net.TCPConn }

func detach(conn *net.TCPConn) (connEnd, error) { return connEnd{conn}, nil }

func (e connEnd) close() { e.conn.Close() }

func (e connEnd) closeWrite() { e.conn.CloseWrite() }

// A load is what the two ways of a session know of each other: nothing, here.
type load struct{}

// drain reads until the end of the connection, or until the time is up.
func (e connEnd) drain(limit time.Duration) {
	e.conn.SetReadDeadline(time.Now().Add(limit))
	io.Copy(io.Discard, e.conn)
}

// carryUp copies bytes until the end of in, which is not an error.
func carryUp(to connEnd, in *os.File, count *atomic.Int64, _ *load) error {
	_, err := io.Copy(counter{to.conn, count}, in)
	return err
}

// carryDown copies bytes until the end of the connection, which is not an error.
func carryDown(out *os.File, from connEnd, count *atomic.Int64, _ *load) error {
	_, err := io.Copy(counter{out, count}, from.conn)
	if slices.ContainsFunc(pipeErrors, func(e error) bool { return errors.Is(err, e) }) {
		return syscall.EPIPE
	}
	return err
}

// pipeErrors are what Windows says of a pipe that nobody reads: "broken", "being
// closed" and "not connected". Other systems have no errors of these numbers.
var pipeErrors = []error{syscall.Errno(109), syscall.Errno(232), syscall.Errno(233)}

// A counter counts what is written.
type counter struct {
	to    io.Writer
	count *atomic.Int64
}

func (c counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.count.Add(int64(n))
	return n, err
}

// hungUp cannot know here without a read.
func hungUp(*os.File) bool { return false }
