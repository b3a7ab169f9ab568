//go:build unix

package file_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"knockpipe/internal/file"
)

func TestShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		mode fs.FileMode
		uid  int // -1 leaves the owner
		want fs.FileMode
		mine bool
	}{
		{0o600, 54321, 0o077, false},
		{0o600, 0, 0, os.Getuid() == 0},
		{0o666, -1, 0o066, true},
		{0o620, -1, 0o020, true},
		{0o604, -1, 0o004, true},
		{0o600, -1, 0, true},
	} {
		uid := tt.uid
		if uid < 0 {
			uid = os.Getuid()
		}
		if uid != os.Getuid() || tt.uid >= 0 {
			if os.Getuid() != 0 {
				t.Logf("skipping owner %d: only root can give files away", tt.uid)
				continue
			}
		}
		if err := os.Chown(path, uid, -1); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, mine := file.Shared(info), file.Mine(info); got != tt.want || mine != tt.mine {
			t.Errorf("%v of %d: got %#o, %v, want %#o, %v", tt.mode, uid, got, mine, tt.want, tt.mine)
		}
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|file.NoFollow, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first, second := open(), open()
	defer second.Close()
	if err := file.Lock(first); err != nil {
		t.Fatal(err)
	}
	if err := file.Lock(second); !errors.Is(err, file.ErrBusy) {
		t.Errorf("the lock of another: got %v, want %v", err, file.ErrBusy)
	}
	file.Close(first)
	if err := file.Lock(second); err != nil {
		t.Errorf("a lock that was given back: %v", err)
	}
}

func TestWithoutPath(t *testing.T) {
	_, err := os.Open(filepath.Join(t.TempDir(), "none"))
	if got, want := file.WithoutPath(err).Error(), "no such file or directory"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
