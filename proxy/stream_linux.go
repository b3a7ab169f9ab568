package proxy

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A stream is one direction of a session, between two descriptors.
type stream struct {
	from, to int
	zeroCopy bool // one of them is a pipe, so splice(2) can move the pages
	direct   bool // to does not block
	readable bool // from was, when it was last waited for
	ready    bool // so was to after that, and nothing was moved since

	carried int  // bytes, since the last rest
	hurried bool // much of them, and counted in load.heavy

	buf, rest []byte // where it cannot: what was read, and is not yet written

	load       *load // of both ways
	coalescing coalescing
}

// A load is what the two ways of a session know of each other.
type load struct {
	heavy atomic.Int32 // how many of them have carried much, and not rested since
	nap   atomic.Int64 // how long both nap after a move now, in nanoseconds
}

const (
	// maxMove is how much one call moves at most. A stalled reader stops the
	// reading: what is in the pipe is all there is in memory.
	maxMove = 1 << 20

	// Pipes hold 64 KiB at first. A user may have only so many pages in larger ones
	// (pipe-user-pages-soft, 64 MiB), so only a session that moves much gets more.
	much = 1 << 20
	wide = 256 << 10
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

// wait returns when there may be something to move and room for it, or when no reader
// is left. Which of the two was missing, the last move did not tell: the next one does.
func (s *stream) wait() error {
	if len(s.rest) == 0 && !s.readable {
		s.readable = true
		return s.poll(unix.POLLIN, 0)
	}
	s.readable, s.ready = false, true
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
		var err error
		if s.load.heavy.Load() == 0 || !pollUnseen(fds) {
			s.slacken()
			_, err = unix.Poll(fds, -1)
		}
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

// soon is when a way that carries much has its next move, or rests.
const soon = 20 * time.Millisecond

// pollUnseen polls for so long without the runtime's knowledge, and reports whether an
// event has come. The runtime has a thread that looks after calls that may last. Where
// they are many and short, that thread wakes up more often than the session does. The
// runtime interrupts this call with a signal if it has to, and if it lasts for 10 ms.
func pollUnseen(fds []unix.PollFd) bool {
	t := unix.NsecToTimespec(int64(soon))
	n, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), uintptr(len(fds)), uintptr(unsafe.Pointer(&t)), 0, 0, 0)
	return errno == 0 && n > 0
}

// hurry prepares for more, once this way has carried much without a rest. It enlarges the
// pipes, if the system allows it. Each way may now keep one of the runtime's processors
// while it waits, and there has to be one for all else.
func (s *stream) hurry() {
	if s.hurried {
		return
	}
	s.hurried = true
	for _, fd := range []int{s.from, s.to} {
		if size, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0); err == nil && size < wide {
			unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, wide)
		}
	}
	if runtime.GOMAXPROCS(0) < 3 {
		runtime.GOMAXPROCS(3)
	}
	s.load.heavy.Add(1)
}

// slacken ends the hurry where this way rests or ends, until it has again carried much.
// An unseen wait that lasts costs more than any other: the runtime's thread wakes up again
// and again while it goes on. What a person types is waited for as the runtime knows.
func (s *stream) slacken() {
	if s.hurried {
		s.hurried, s.carried = false, 0
		s.load.heavy.Add(-1)
	}
}

func isPipe(fd int) bool {
	var stat unix.Stat_t
	return unix.Fstat(fd, &stat) == nil && stat.Mode&unix.S_IFMT == unix.S_IFIFO
}
