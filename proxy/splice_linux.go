package proxy

import (
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A connEnd is a connection that Go's own poller does not watch, because the poller would
// wake up for each packet.
type connEnd struct{ fd int }

// detach takes conn away from Go's runtime.
func detach(conn *net.TCPConn) (connEnd, error) {
	defer conn.Close()
	fd, err := duplicate(conn)
	return connEnd{fd}, err
}

func (e connEnd) close() { unix.Close(e.fd) }

func (e connEnd) closeWrite() { unix.Shutdown(e.fd, unix.SHUT_WR) }

// drain reads until the end of the connection, or until the time is up.
func (e connEnd) drain(limit time.Duration) {
	buf := make([]byte, 16<<10)
	for end := time.Now().Add(limit); time.Now().Before(end); {
		n, err := unix.Read(e.fd, buf)
		if n > 0 || err == unix.EINTR {
			continue
		}
		if err != unix.EAGAIN {
			return
		}
		fds := []unix.PollFd{{Fd: int32(e.fd), Events: unix.POLLIN}}
		unix.Poll(fds, int(time.Until(end).Milliseconds())+1)
	}
}

// duplicate returns a new descriptor of an open file. Unlike File and Fd of Go's types,
// it does not change the flags, because others may share them.
func duplicate(f syscall.Conn) (fd int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	if e := raw.Control(func(n uintptr) { fd, err = unix.FcntlInt(n, unix.F_DUPFD_CLOEXEC, 0) }); e != nil {
		return -1, e
	}
	return fd, err
}

// carryUp moves bytes until the end of in, which is not an error.
func carryUp(to connEnd, in *os.File, count *atomic.Int64, l *load) error {
	from, err := duplicate(in)
	if err != nil {
		return err
	}
	defer unix.Close(from)
	s := stream{from: from, to: to.fd, direct: true, load: l}
	return s.carry(count)
}

// carryDown moves bytes until the end of the connection, which is not an error.
func carryDown(out *os.File, from connEnd, count *atomic.Int64, l *load) error {
	to, err := duplicate(out)
	if err != nil {
		return err
	}
	defer unix.Close(to)
	s := stream{from: from.fd, to: to, load: l}
	return s.carry(count)
}

func (s *stream) carry(count *atomic.Int64) error {
	s.zeroCopy = isPipe(s.from) || isPipe(s.to)
	s.coalescing = newCoalescing(&s.load.nap)
	defer func() { // the other way goes on
		s.coalescing.awake()
		s.slacken()
	}()
	for {
		n, err := s.move()
		switch {
		case n > 0:
			s.readable, s.ready = false, false
			count.Add(int64(n))
			if s.carried += n; s.carried >= much {
				s.hurry()
				if s.zeroCopy { // a read may block, and would not end a nap
					s.coalescing.moved(n)
				}
			}
			if s.coalescing.napping || n <= answer {
				takeNap(&s.load.nap)
			}
		case err == unix.EINTR:
		case s.zeroCopy && (err == nil && !s.direct || err == unix.EAGAIN && s.ready):
			// splice stops before urgent data, and reports an end there if one has come.
			// A read passes over it, or confirms the end.
			s.zeroCopy = false
			s.coalescing.awake()
		case err == unix.EAGAIN:
			s.coalescing.paused()
			if err := s.wait(); err != nil {
				return err
			}
		case err == unix.EINVAL && s.zeroCopy: // splice supports neither every file system nor every flag
			s.zeroCopy = false
			s.coalescing.awake()
		default:
			return err
		}
	}
}

// betweenCloses is how long ssh may take between closing one of its two pipes and the
// other: a moment, unless the machine is busy. A hundred milliseconds were not enough on
// a loaded one.
const betweenCloses = time.Second

// hungUp reports whether f is a pipe that nobody writes to any more. It waits for ssh
// to close it.
func hungUp(f *os.File) bool {
	fd, err := duplicate(f)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	fds := []unix.PollFd{{Fd: int32(fd)}}
	for end := time.Now().Add(betweenCloses); ; {
		n, err := unix.Poll(fds, int(max(0, time.Until(end)).Milliseconds()))
		if err != unix.EINTR {
			return n > 0 && fds[0].Revents&unix.POLLHUP != 0
		}
	}
}
