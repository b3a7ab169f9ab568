//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package proxy

import (
	"os"

	"golang.org/x/sys/unix"
)

// HasReader reports whether anyone may still read what is written to f. It reports false
// only when all readers are gone: a file, a device, or a pipe that nobody reads at the
// moment still has a reader.
//
// It looks without waiting, and leaves f as it is.
func HasReader(f *os.File) bool {
	raw, err := f.SyscallConn()
	if err != nil {
		return true
	}
	// The end of a pipe is POLLERR on Linux and POLLHUP elsewhere; that of a socket is
	// POLLHUP. macOS reports only events that it is asked for.
	fds := []unix.PollFd{{Events: unix.POLLOUT}}
	var n int
	if e := raw.Control(func(fd uintptr) {
		fds[0].Fd = int32(fd)
		n, err = unix.Poll(fds, 0)
	}); e != nil {
		return true
	}
	return err != nil || n == 0 || fds[0].Revents&(unix.POLLERR|unix.POLLHUP) == 0
}
