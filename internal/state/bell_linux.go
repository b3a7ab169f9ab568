package state

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"knockpipe/internal/file"
)

// A bell tells waiting processes that a turn is over. It is a FIFO: the process that has
// the turn holds it open for writing, the waiting ones for reading. The kernel wakes all
// of them when the last writer is gone, even if it was killed.
//
// A blocking flock would do this too, but nothing could end a thread's wait in it when
// the time is up. The kernel has too few inotify instances for many processes.
type bell struct {
	file *os.File // nil without one
	raw  syscall.RawConn
}

const bellSuffix = ".end"

// holdBell returns what rings the bell of a place, once.
func holdBell(place string) (ring func()) {
	path := place + bellSuffix
	// Opening a FIFO for both reading and writing does not block.
	const mode = syscall.O_RDWR | syscall.O_NONBLOCK | syscall.O_CLOEXEC | file.NoFollow
	fd, err := syscall.Open(path, mode, 0)
	if errors.Is(err, syscall.ENOENT) && syscall.Mkfifo(path, 0o600) == nil {
		fd, err = syscall.Open(path, mode, 0)
	}
	if err != nil { // the waiting processes then poll
		return func() {}
	}
	return func() { syscall.Close(fd) }
}

// open begins to listen. The caller closes the bell.
func (b *bell) open(place string) {
	f, err := os.OpenFile(place+bellSuffix, os.O_RDONLY|syscall.O_NONBLOCK|file.NoFollow, 0)
	if err != nil {
		return
	}
	info, err := f.Stat()
	if err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		b.raw, err = f.SyscallConn()
	}
	if err != nil || b.raw == nil {
		f.Close()
		return
	}
	b.file = f
}

func (b *bell) close() {
	if b.file != nil {
		b.file.Close()
	}
}

// wait waits for the bell, for at most d or until ctx ends. It reports false at once if
// nobody holds the bell.
func (b *bell) wait(ctx context.Context, d time.Duration) (waited bool) {
	if b.file == nil || b.file.SetReadDeadline(time.Now().Add(d)) != nil {
		return false
	}
	late := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		b.file.SetReadDeadline(time.Unix(1, 0))
		close(late)
	})
	b.raw.Read(func(fd uintptr) (over bool) {
		if _, err := syscall.Read(int(fd), make([]byte, 1)); !errors.Is(err, syscall.EAGAIN) {
			return true
		}
		waited = true
		return false
	})
	if !stop() {
		<-late
	}
	return waited
}
