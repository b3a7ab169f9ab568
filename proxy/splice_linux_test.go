package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSpliceReaderGoneInSilence notices at once that nobody reads any more, even if the
// server is silent.
func TestSpliceReaderGoneInSilence(t *testing.T) {
	s := startSession(t)
	s.out.Close()
	if err := <-s.ended; !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Splice = %v, want %v", err, syscall.EPIPE)
	}
}

// TestSpliceSSHGone closes both pipes, as the end of ssh does. What it wrote last
// still gets to the server.
func TestSpliceSSHGone(t *testing.T) {
	s := startSession(t)
	io.WriteString(s.in, "goodbye")
	s.in.Close()
	s.out.Close()
	if got, err := io.ReadAll(s.server); err != nil || string(got) != "goodbye" {
		t.Errorf("the server read %q, %v; want %q", got, err, "goodbye")
	}
	select {
	case err := <-s.ended:
		t.Errorf("Splice = %v before the server has ended the session", err)
	default:
	}
	io.WriteString(s.server, "you too")
	s.server.Close()
	if err := <-s.ended; err != nil {
		t.Errorf("Splice = %v, want no error", err)
	}
}

// TestSpliceSSHSlow has ssh close its second pipe late, as on a busy machine. That is not
// an error either.
func TestSpliceSSHSlow(t *testing.T) {
	s := startSession(t)
	s.out.Close()
	time.AfterFunc(300*time.Millisecond, func() { s.in.Close(); s.server.Close() })
	if err := <-s.ended; err != nil {
		t.Errorf("Splice = %v, want no error", err)
	}
}

// TestSpliceBackpressure lets a reader stall: the server gets stuck after what the
// kernel's buffers hold, and nothing is lost.
func TestSpliceBackpressure(t *testing.T) {
	s := startSession(t)
	block := bytes.Repeat([]byte("0123456789abcdef"), megabyte/16)
	s.server.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	total := 0
	for total < 1<<30 {
		n, err := s.server.Write(block)
		if total += n; err != nil {
			break
		}
	}
	if most := 64 * megabyte; total > most {
		t.Errorf("%d bytes went through to nobody, want at most %d", total, most)
	}
	s.server.Close()
	got, err := io.Copy(io.Discard, s.out)
	if err != nil || got != int64(total) {
		t.Errorf("read %d bytes, %v; want the %d that were written", got, err, total)
	}
	if err := <-s.ended; err != nil {
		t.Errorf("Splice = %v, want no error", err)
	}
}

// TestSpliceWidens gives a pipe more room after its first megabyte: a user may have
// only so much of it. One that has more keeps it.
func TestSpliceWidens(t *testing.T) {
	const narrow = 64 << 10
	for _, tt := range []struct{ before, moved, want int }{
		{narrow, megabyte - 1, narrow}, {narrow, megabyte, 256 << 10}, {megabyte, megabyte, megabyte},
	} {
		s := startSession(t)
		for _, f := range []*os.File{s.in, s.out} {
			if _, err := unix.FcntlInt(f.Fd(), unix.F_SETPIPE_SZ, tt.before); err != nil {
				t.Skipf("skipping, no pipes of %d bytes: %v", tt.before, err)
			}
		}
		go func() {
			s.in.Write(make([]byte, tt.moved))
			s.in.Close()
		}()
		data := make([]byte, tt.moved)
		if _, err := io.ReadFull(s.server, data); err != nil {
			t.Fatal(err)
		}
		if _, err := s.server.Write(data); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(s.out, data); err != nil {
			t.Fatal(err)
		}
		s.server.Close()
		if err := <-s.ended; err != nil {
			t.Errorf("Splice = %v, want no error", err)
		}
		if got, err := unix.FcntlInt(s.out.Fd(), unix.F_GETPIPE_SZ, 0); err != nil || got != tt.want {
			t.Errorf("after %d bytes: the pipe holds %d, %v, want %d", tt.moved, got, err, tt.want)
		}
	}
}

// TestSpliceRests has a session carry much and then nothing: both ways wait in the kernel
// as the runtime knows. It would interrupt any other wait again and again.
func TestSpliceRests(t *testing.T) {
	s := startSession(t)
	go s.in.Write(make([]byte, 2*megabyte))
	if _, err := io.ReadFull(s.server, make([]byte, 2*megabyte)); err != nil {
		t.Fatal(err)
	}
	carrying := regexp.MustCompile(`(?m)^goroutine \d+ \[(\w+)[^\n]*\n(?:[^\n]+\n)*?[^\n]*\(\*stream\)\.carry`)
	var states []string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * soon) { // each look disturbs them
		stacks := make([]byte, megabyte)
		stacks = stacks[:runtime.Stack(stacks, true)]
		states = nil
		for _, found := range carrying.FindAllSubmatch(stacks, -1) {
			states = append(states, string(found[1]))
		}
		if slices.Equal(states, []string{"syscall", "syscall"}) {
			return
		}
	}
	t.Errorf("a session at rest: its ways are %q, want both in a system call", states)
}

// TestStreamSlackens ends the hurry of a way that rests: what a person types then is
// waited for as the runtime knows. So does the end of a way, as the other one goes on.
func TestStreamSlackens(t *testing.T) {
	client, _ := connected(t)
	to, err := duplicate(client)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(to)
	in, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	both := new(load)
	s := stream{from: int(in.Fd()), to: to, direct: true, load: both, carried: much}
	s.hurry()
	if got := both.heavy.Load(); got != 1 {
		t.Fatalf("after a megabyte: %d ways in a hurry, want 1", got)
	}
	go func() { // types as soon as the way rests
		for deadline := time.Now().Add(10 * time.Second); both.heavy.Load() > 0 && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		inW.Write([]byte("k"))
	}()
	if err := s.wait(); err != nil {
		t.Fatal(err)
	}
	if got := both.heavy.Load(); got != 0 || s.carried != 0 {
		t.Errorf("after a rest: %d ways in a hurry, %d bytes carried, want neither", got, s.carried)
	}
	s.carried = much - 1
	inW.Close()
	if err := s.carry(new(atomic.Int64)); err != nil {
		t.Fatal(err)
	}
	if got := both.heavy.Load(); got != 0 || s.carried != 0 { // only what hurried is reset
		t.Errorf("after the end: %d ways in a hurry, %d bytes carried, want neither", got, s.carried)
	}
}

// TestSpliceUrgent has the server send urgent data, before which splice(2) stops for good.
// A read leaves the urgent byte out.
func TestSpliceUrgent(t *testing.T) {
	s := startSession(t)
	fd, err := duplicate(s.server)
	if err != nil {
		t.Fatal(err)
	}
	err = unix.Sendto(fd, []byte("urgent!"), unix.MSG_OOB, nil)
	unix.Close(fd)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		io.WriteString(s.server, " and more")
		s.server.Close()
	}()
	s.out.SetReadDeadline(time.Now().Add(10 * time.Second))
	if got, err := io.ReadAll(s.out); err != nil || string(got) != "urgent and more" {
		t.Errorf("read %q, %v; want %q", got, err, "urgent and more")
	}
}

// TestSpliceFiles runs between files that splice(2) does not support.
func TestSpliceFiles(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 3*megabyte/16)
	dir := t.TempDir()
	input := filepath.Join(dir, "in")
	if err := os.WriteFile(input, want, 0o600); err != nil {
		t.Fatal(err)
	}
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	socket, far := os.NewFile(uintptr(pair[0]), "socket"), os.NewFile(uintptr(pair[1]), "far")
	defer socket.Close()
	go func() {
		defer far.Close()
		far.Write(want)
		syscall.Shutdown(pair[1], syscall.SHUT_WR)
		io.Copy(io.Discard, far)
	}()
	pipe := func() *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer w.Close()
			w.Write(want)
		}()
		return r
	}
	open := func(name string, flags int) *os.File {
		f, err := os.OpenFile(filepath.Join(dir, name), flags, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for name, files := range map[string][2]*os.File{
		"file to file":       {open("in", os.O_RDONLY), open("out", os.O_CREATE|os.O_RDWR)},
		"pipe to file":       {pipe(), open("out2", os.O_CREATE|os.O_RDWR)},
		"file to the end of": {open("in", os.O_RDONLY), open("out3", os.O_CREATE|os.O_RDWR|os.O_APPEND)},
		"pipe to the end of": {pipe(), open("out4", os.O_CREATE|os.O_RDWR|os.O_APPEND)},
		"socket to file":     {socket, open("out5", os.O_CREATE|os.O_RDWR)},
	} {
		client, server := connected(t)
		go func() {
			io.Copy(server, server) // an echo
			server.CloseWrite()
		}()
		traffic := new(Traffic)
		if err := Splice(t.Context(), client, files[0], files[1], traffic); err != nil {
			t.Errorf("%s: Splice = %v, want no error", name, err)
		}
		got, err := os.ReadFile(files[1].Name())
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got %d bytes, %v, want the %d that were written", name, len(got), err, len(want))
		}
		if sent, received := traffic.Sent.Load(), traffic.Received.Load(); sent != int64(len(want)) || received != sent {
			t.Errorf("%s: %d bytes sent and %d received, want %d", name, sent, received, len(want))
		}
		files[0].Close()
		files[1].Close()
	}
}

// TestSpliceCloses looks for the connection among this process's descriptors: it is
// closed when both ways have ended, whichever is later.
func TestSpliceCloses(t *testing.T) {
	for _, first := range []string{"stdin", "server"} {
		client, server := connected(t)
		name := linkOf(t, client)
		in, inW, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		outR, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if first == "stdin" {
			inW.Close()
		} else {
			server.Close()
		}
		ended := make(chan error, 1)
		go func() { ended <- Splice(t.Context(), client, in, out, new(Traffic)) }()
		if first == "stdin" {
			io.ReadAll(server) // until the end of stdin gets here
			server.Close()
		}
		if err := <-ended; err != nil {
			t.Errorf("%s ends first: Splice = %v, want no error", first, err)
		}
		if first == "server" {
			if got := descriptors(t, name); got != 1 {
				t.Errorf("%d descriptors of the connection while stdin is read, want 1", got)
			}
			inW.Close()
		}
		deadline := time.Now().Add(5 * time.Second) // for the goroutine that reads stdin
		for descriptors(t, name) > 0 && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		if got := descriptors(t, name); got != 0 {
			t.Errorf("%s ends first: %d descriptors of the connection are left, want none", first, got)
		}
		for _, f := range []*os.File{in, outR, out} {
			f.Close()
		}
	}
}

// linkOf is what /proc shows of a socket's descriptors.
func linkOf(t *testing.T, conn syscall.Conn) (name string) {
	t.Helper()
	fd, err := duplicate(conn)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if name, err = os.Readlink(fmt.Sprint("/proc/self/fd/", fd)); err != nil {
		t.Skipf("skipping, no /proc to look into: %v", err)
	}
	return name
}

func descriptors(t *testing.T, name string) (n int) {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range all {
		if link, _ := os.Readlink("/proc/self/fd/" + fd.Name()); link == name {
			n++
		}
	}
	return n
}
