package proxy

import (
	"io"
	"net"
	"os"
)

// Splice carries in to conn and conn to out, until the network's side ends.
//
// The end of in is passed on, and the other way goes on: an answer may follow.
// The end of conn ends all, without waiting for in, which may never end: a read
// from a pipe cannot be woken, so the goroutine that reads is left to the end of
// the process. The error is the system's own, EPIPE where nobody reads out.
func Splice(conn net.Conn, in, out *os.File) error {
	go copyUp(conn, in)
	// Bare types on both sides let io.Copy use splice(2).
	_, err := io.Copy(out, conn)
	return cause(err)
}

func copyUp(conn net.Conn, in *os.File) {
	io.Copy(conn, in)
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	}
}
