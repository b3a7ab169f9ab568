//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package proxy

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestHasReader tries everything that stdout can be. The ones without a reader come
// first.
func TestHasReader(t *testing.T) {
	pipe := func() (r, w *os.File) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		return r, w
	}
	pair := func() (near, far *os.File) {
		fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		return os.NewFile(uintptr(fds[0]), "near"), os.NewFile(uintptr(fds[1]), "far")
	}
	for name, tt := range map[string]struct {
		open func() (f, other *os.File)
		want bool
	}{
		"pipe, reader gone": {func() (f, other *os.File) {
			r, w := pipe()
			r.Close()
			return w, nil
		}, false},
		"full pipe, reader gone": {func() (f, other *os.File) {
			r, w := pipe()
			w.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
			w.Write(make([]byte, 1<<20))
			r.Close()
			return w, nil
		}, false},
		"socket, other end closed": {func() (f, other *os.File) {
			near, far := pair()
			far.Close()
			return near, nil
		}, false},
		"pipe": {func() (f, other *os.File) {
			r, w := pipe()
			return w, r
		}, true},
		"full pipe": {func() (f, other *os.File) {
			r, w := pipe()
			w.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
			w.Write(make([]byte, 1<<20))
			return w, r
		}, true},
		"socket": {pair, true},
		"socket, other end writes no more": {func() (f, other *os.File) {
			near, far := pair()
			raw, err := far.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			raw.Control(func(fd uintptr) { err = syscall.Shutdown(int(fd), syscall.SHUT_WR) })
			if err != nil {
				t.Fatal(err)
			}
			return near, far
		}, true},
		"file": {func() (f, other *os.File) {
			f, err := os.Create(filepath.Join(t.TempDir(), "file"))
			if err != nil {
				t.Fatal(err)
			}
			return f, nil
		}, true},
		"/dev/null": {func() (f, other *os.File) {
			f, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			return f, nil
		}, true},
		"terminal": {func() (f, other *os.File) {
			other, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0) // itself one, to poll
			if err != nil {
				t.Skipf("skipping, no terminals: %v", err)
			}
			return other, nil
		}, true},
	} {
		f, other := tt.open()
		if got := HasReader(f); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
		f.Close()
		if other != nil {
			other.Close()
		}
	}
}
