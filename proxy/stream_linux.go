package proxy

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A stream is one direction of a session, between two descriptors.
type stream struct {
	from, to int
	zeroCopy bool // one of them is a pipe, so splice(2) can move the pages
	widened  bool
	direct   bool // to does not block

	buf, rest []byte // where it cannot: what was read, and is not yet written

	nap        *atomic.Int64 // of the session, in nanoseconds: after each move
	coalescing *coalescing   // what says how long, on the way up from a pipe
}

const (
	// maxMove is how much one call moves at most. A stalled reader stops the
	// reading: what is in the pipe is all there is in memory.
	maxMove = 1 << 20

	// Pipes hold 64 KiB at first. A user may have only so many pages in larger ones
	// (pipe-user-pages-soft, 64 MiB), so only a session that moves much gets more.
	widenAfter = 1 << 20
	wide       = 256 << 10
)

// move moves some bytes and returns how many: none and no error at the end.
func (s *stream) move() (int, error) {
	if s.zeroCopy {
		return s.splice()
	}
	if len(s.rest) == 0 {
		if s.buf == nil {
			s.buf = make([]byte, 64<<10)
		}
		n, err := unix.Read(s.from, s.buf)
		if n <= 0 {
			return 0, err
		}
		s.rest = s.buf[:n]
	}
	n, err := s.write()
	if n <= 0 {
		return 0, err
	}
	s.rest = s.rest[n:]
	return n, nil
}

// splice and write do not block, so the runtime need not know of the call: it would
// have another thread take over if one takes longer than usual.
func (s *stream) splice() (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SPLICE, uintptr(s.from), 0, uintptr(s.to), 0, maxMove, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func (s *stream) write() (int, error) {
	if !s.direct {
		return unix.Write(s.to, s.rest)
	}
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(s.to), uintptr(unsafe.Pointer(&s.rest[0])), uintptr(len(s.rest)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// wait returns when there is something to move and room for it, or when no reader is
// left.
func (s *stream) wait() error {
	if len(s.rest) == 0 {
		if err := s.poll(unix.POLLIN, 0); err != nil {
			return err
		}
	}
	return s.poll(0, unix.POLLOUT)
}

// poll returns when one of the events has come. So does an end or an error of from,
// which the next move reports.
func (s *stream) poll(from, to int16) error {
	fds := []unix.PollFd{{Fd: int32(s.from), Events: from}, {Fd: int32(s.to), Events: to}}
	if from == 0 {
		fds[0].Fd = -1
	}
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case fds[1].Revents&(unix.POLLERR|unix.POLLHUP) != 0:
			return unix.EPIPE
		default:
			return nil
		}
	}
}

// widen enlarges the pipes, if the system allows it.
func (s *stream) widen() {
	if s.widened {
		return
	}
	s.widened = true
	for _, fd := range []int{s.from, s.to} {
		if size, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0); err == nil && size < wide {
			unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, wide)
		}
	}
}

func isPipe(fd int) bool {
	var stat unix.Stat_t
	return unix.Fstat(fd, &stat) == nil && stat.Mode&unix.S_IFMT == unix.S_IFIFO
}
