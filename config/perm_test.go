//go:build unix

package config_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"knockpipe/config"
)

// TestPermissions has files that someone else could have written. ssh trusts the system's
// file and that of -F.
func TestPermissions(t *testing.T) {
	const refused = "error: Bad owner or permissions on ~/.ssh/"
	tests := []struct {
		name string
		file string
		mode os.FileMode
		uid  int // -1 leaves the owner
		gid  int
		want string
	}{
		{"others may write the user's file", "config", 0o602, -1, -1, refused + "config"},
		{"others may write the side file", "knock_config", 0o602, -1, -1, refused + "knock_config"},
		{"others may write an included file", "inc", 0o602, -1, -1, refused + "inc"},
		{"a group may write", "config", 0o620, -1, 54321, refused + "config"},
		{"a group may write an included file", "inc", 0o620, -1, 54321, refused + "inc"},
		{"somebody else's", "config", 0o600, 54321, -1, refused + "config"},
		{"somebody else's side file", "knock_config", 0o600, 54321, -1, refused + "knock_config"},

		{"others may read", "config", 0o644, -1, -1, "1"},
		{"a group may read", "inc", 0o640, -1, 54321, "1"},
		{"the system's file", "/ssh_config", 0o666, -1, -1, "1"},
		{"the file of -f", "mine", 0o666, -1, -1, "2"},
	}
	for _, tt := range tests {
		h := newHome(t, map[string]string{"config": "Include inc\n", "inc": "", "knock_config": "", "/ssh_config": "# Knock: 1\n", "mine": "# Knock: 2\n"})
		if tt.file == "mine" {
			h.File = h.path("mine")
		}
		path := h.path(tt.file)
		if tt.uid >= 0 || tt.gid >= 0 {
			if os.Getuid() != 0 {
				t.Logf("skipping %q: only root can give files away", tt.name)
				continue
			}
			if err := os.Chown(path, tt.uid, tt.gid); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		if got := h.knockOf("web"); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestPermissionsSSH compares with Debian's ssh, which lets a group write if its only
// member is the owner.
func TestPermissionsSSH(t *testing.T) {
	needSSH(t)
	version, _ := exec.Command("ssh", "-V").CombinedOutput()
	debian := strings.Contains(string(version), "Debian") || strings.Contains(string(version), "Ubuntu")
	for _, mode := range []os.FileMode{0o666, 0o602, 0o620, 0o660, 0o600, 0o644} {
		if mode&0o020 != 0 && !debian {
			continue // this ssh refuses it, and knockpipe leaves that to it
		}
		h := newHome(t, map[string]string{"inc": "Port 1001\n"})
		if err := os.Chmod(h.path("inc"), mode); err != nil {
			t.Fatal(err)
		}
		file := write(t, h.path("main"), "Include "+h.path("inc")+"\n")
		_, ok := askSSH(t, file, query("web", ""))
		_, err := config.Sources{File: file, Home: h.dir}.Load(query("web", ""))
		if ok != (err == nil) {
			t.Errorf("mode %#o: got %v, but ssh accepts it: %v", mode, err, ok)
		}
	}
}

// TestSpecialFiles has files that are not regular. None may make knockpipe wait.
func TestSpecialFiles(t *testing.T) {
	fifo := func(path string) error { return syscall.Mkfifo(path, 0o600) }
	folder := func(path string) error { return os.Mkdir(path, 0o700) }
	null := func(path string) error { return os.Symlink(os.DevNull, path) }
	loop := func(path string) error { return os.Symlink(path, path) }
	large := func(path string) error {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return err
		}
		return os.Truncate(path, 16<<20+1)
	}
	tests := []struct {
		name string
		make func(string) error
		file string
		want string
		note string
	}{
		{"FIFO", fifo, "knock_config", "error: ~/.ssh/knock_config: not a regular file", ""},
		{"FIFO", fifo, "mine", "error: ~/.ssh/mine: not a regular file", ""},
		{"folder", folder, "knock_config", "error: ~/.ssh/knock_config: is a directory", ""},
		{"folder", folder, "mine", "error: ~/.ssh/mine: is a directory", ""},
		{"large file", large, "knock_config", "error: ~/.ssh/knock_config: larger than 16 MiB", ""},
		{"large file", large, "mine", "error: ~/.ssh/mine: larger than 16 MiB", ""},
		{"loop of links", loop, "knock_config", "error: ~/.ssh/knock_config: too many levels of symbolic links", ""},

		{"FIFO", fifo, "config", "1", "~/.ssh/config: not read: not a regular file (hint)"},
		{"FIFO", fifo, "/ssh_config", "", "~/etc/ssh_config: not read: not a regular file (hint)"},
		{"FIFO", fifo, "inc", "1", "~/.ssh/config:1: ~/.ssh/inc is not read: not a regular file (hint)"},
		{"folder", folder, "config", "1", "~/.ssh/config: not read: is a directory (hint)"},
		{"folder", folder, "inc", "1", ""},
		{"large file", large, "config", "1", "~/.ssh/config: not read: larger than 16 MiB (hint)"},
		{"large file", large, "inc", "1", "~/.ssh/config:1: ~/.ssh/inc is not read: larger than 16 MiB (hint)"},
		{"nothing", null, "knock_config", "1", ""},
		{"nothing", null, "mine", "", ""},
	}
	for _, tt := range tests {
		h := newHome(t, map[string]string{"config": "Include inc\n", "/ssh_config": "# Knock: 1\n"})
		path := h.path(tt.file)
		os.Remove(path)
		if err := tt.make(path); err != nil {
			t.Fatal(err)
		}
		if tt.file == "mine" {
			h.File = path
		}
		if got := h.knockOf("web"); got != tt.want {
			t.Errorf("%s for %s: got %v, want %v", tt.name, tt.file, got, tt.want)
			continue
		}
		if strings.HasPrefix(tt.want, "error") {
			continue
		}
		if got := strings.Join(h.notesOf(t, query("web", "")), "\n"); got != tt.note {
			t.Errorf("%s for %s: got note %q, want %q", tt.name, tt.file, got, tt.note)
		}
	}
}
