package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

// A session is a Splice that runs between pipes, as ssh makes them, and a
// server's end of a real connection.
type session struct {
	in     *os.File // what ssh writes to
	out    *os.File // what ssh reads from
	server *net.TCPConn
	ended  chan error // takes Splice's result
}

func startSession(t *testing.T) *session {
	t.Helper()
	client, server := connected(t)
	inR, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{in: inW, out: outR, server: server, ended: make(chan error, 1)}
	go func() {
		err := Splice(t.Context(), client, inR, outW, new(Traffic))
		outW.Close() // as the end of the process does
		s.ended <- err
	}()
	t.Cleanup(func() {
		for _, c := range []io.Closer{inR, inW, outR, outW} {
			c.Close()
		}
	})
	return s
}

// TestSpliceEnded ends a session from outside, in order: what ssh wrote last gets to the
// server, and what that answers to ssh.
func TestSpliceEnded(t *testing.T) {
	client, server := connected(t)
	in, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outR, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Splice(ctx, client, in, out, new(Traffic)) }()
	io.WriteString(inW, "last words")
	cancel()
	if got, err := io.ReadAll(server); err != nil || string(got) != "last words" {
		t.Errorf("the server read %q, %v; want %q", got, err, "last words")
	}
	io.WriteString(server, "bye")
	server.Close()
	if err := <-ended; err != nil {
		t.Errorf("Splice = %v, want no error", err)
	}
	out.Close()
	if got, err := io.ReadAll(outR); err != nil || string(got) != "bye" {
		t.Errorf("ssh read %q, %v; want %q", got, err, "bye")
	}
	for _, f := range []*os.File{in, inW, outR} {
		f.Close()
	}
}

const megabyte = 1 << 20

func TestSpliceStdinEndsFirst(t *testing.T) {
	s := startSession(t)
	want := bytes.Repeat([]byte("answer.."), megabyte/8)
	go func() {
		asked, _ := io.ReadAll(s.server) // until the end of stdin gets here
		if string(asked) == "question" {
			s.server.Write(want)
		}
		s.server.Close()
	}()
	io.WriteString(s.in, "question")
	s.in.Close()
	got, err := io.ReadAll(s.out)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, %v; want the %d that the server wrote", len(got), err, len(want))
	}
	if err := <-s.ended; err != nil {
		t.Errorf("Splice = %v, want no error", err)
	}
}

func TestSpliceServerEndsFirst(t *testing.T) {
	s := startSession(t)
	go func() {
		io.WriteString(s.server, "bye")
		s.server.Close()
	}()
	got, err := io.ReadAll(s.out) // stdin stays open
	if err != nil || string(got) != "bye" {
		t.Errorf("read %q, %v; want %q", got, err, "bye")
	}
	if err := <-s.ended; err != nil {
		t.Errorf("Splice = %v, want no error", err)
	}
}

func TestSpliceReset(t *testing.T) {
	s := startSession(t)
	s.server.SetLinger(0)
	s.server.Close()
	if err := <-s.ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Splice = %v, want %v", err, syscall.ECONNRESET)
	}
}

func TestSpliceReaderGone(t *testing.T) {
	s := startSession(t)
	s.out.Close()
	io.WriteString(s.server, "anyone there")
	if err := <-s.ended; !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Splice = %v, want %v", err, syscall.EPIPE)
	}
}

func TestSpliceBothWays(t *testing.T) {
	s := startSession(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), 10*megabyte/16)
	go func() {
		io.Copy(s.server, s.server) // an echo
		s.server.CloseWrite()
	}()
	go func() {
		s.in.Write(want)
		s.in.Close()
	}()
	got, err := io.ReadAll(s.out)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, %v; want the %d that were written", len(got), err, len(want))
	}
	if err := <-s.ended; err != nil {
		t.Errorf("Splice = %v, want no error", err)
	}
}

// connected returns both ends of a connection.
func connected(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		s.Close()
	})
	return c.(*net.TCPConn), s.(*net.TCPConn)
}
