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

// A bell tells those who wait for a turn that it is over: a FIFO which whoever has the
// turn has open for writing, and they for reading. The kernel tells all of them when the
// last writer is gone, also where it was killed.
//
// A flock that waits would do so as well, but nothing ends the wait of a thread in it
// when the time is up. The kernel has too few inotify instances for a crowd.
type bell struct {
	file *os.File // nil without one
	raw  syscall.RawConn
}

const bellSuffix = ".end"

// holdBell returns what rings the bell of a place, once.
func holdBell(place string) (ring func()) {
	path := place + bellSuffix
	// A FIFO that is open for both is opened at once.
	const mode = syscall.O_RDWR | syscall.O_NONBLOCK | syscall.O_CLOEXEC | file.NoFollow
	fd, err := syscall.Open(path, mode, 0)
	if errors.Is(err, syscall.ENOENT) && syscall.Mkfifo(path, 0o600) == nil {
		fd, err = syscall.Open(path, mode, 0)
	}
	if err != nil { // those who wait look without it
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

// wait waits for the bell, for d at most, unless ctx ends first. It reports false at
// once where nobody holds it.
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
