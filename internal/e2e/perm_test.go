//go:build linux

package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"knockpipe/internal/lab"
)

// TestPermissions has configs that others may or may not be able to write, and the
// real ssh say which of them it trusts: Debian's, which lets a group write that has
// the user alone in it.
func TestPermissions(t *testing.T) {
	t.Parallel()
	lab.Need(t, "ssh")
	if version, _ := exec.Command("ssh", "-V").CombinedOutput(); !bytes.Contains(version, []byte("Debian")) && !bytes.Contains(version, []byte("Ubuntu")) {
		t.Skipf("skipping, this ssh has other rules: %s", version)
	}
	const (
		root, ann, bob, twin  = 0, 1234, 1235, 1236 // the users
		alone, team, ghost    = 2001, 2002, 2003    // groups of ann, of two, of nobody
		listed, unknown, many = 2004, 2005, 2006    // ann's own that lists bob, none, and two with one uid
	)
	tests := []struct {
		name     string
		as       uint32
		uid, gid int
		mode     os.FileMode
	}{
		{"others may write", ann, ann, ann, 0o602},
		{"a group of two", ann, ann, team, 0o620},
		{"a group of nobody", ann, ann, ghost, 0o620},
		{"no such group", ann, ann, unknown, 0o620},
		{"somebody else's first group", ann, ann, bob, 0o620},
		{"first group of hers that lists another", twin, twin, listed, 0o620},
		{"somebody else's file", ann, bob, ann, 0o600},
		{"somebody else's file and group", ann, bob, bob, 0o660},
		{"root's group", ann, root, root, 0o664},
		{"root's file, a group that lists her alone", ann, root, alone, 0o664},
		{"her file, for root", root, ann, ann, 0o600},

		{"nobody else", ann, ann, ann, 0o600},
		{"her own first group", ann, ann, ann, 0o664},
		{"a group that lists her alone", ann, ann, alone, 0o664},
		{"a group of two that may read", ann, ann, team, 0o644},
		{"root's file", ann, root, root, 0o644},
		{"root's file, her own first group", ann, root, ann, 0o664},
		{"two names for one uid", 1237, 1237, many, 0o664},
		{"root's own", root, root, root, 0o664},
	}
	l := lab.New(t)
	l.Client.WriteFile(t, "/etc/passwd", strings.ReplaceAll(`root:x:0:0::HOME:/bin/sh
ann:x:1234:1234::HOME:/bin/sh
bob:x:1235:1235::HOME:/bin/sh
twin:x:1236:2004::HOME:/bin/sh
many:x:1237:2006::HOME:/bin/sh
more:x:1237:2006::HOME:/bin/sh
`, "HOME", "/mnt"))
	l.Client.WriteFile(t, "/etc/group", "root:x:0:\nann:x:1234:\nbob:x:1235:\nalone:x:2001:ann\nteam:x:2002:ann,bob\nghost:x:2003:\nlisted:x:2004:bob\nmany:x:2006:\n")
	home := openHome(t, l)
	config := filepath.Join(home, ".ssh", "config")
	for _, tt := range tests {
		if err := os.Chown(config, tt.uid, tt.gid); err != nil {
			t.Skipf("skipping, no files of other users can be made: %v", err)
		}
		if err := os.Chmod(config, tt.mode); err != nil {
			t.Fatal(err)
		}
		ask := func(name string, args ...string) (refused bool) {
			out, err := as(l, tt.as, name, args...).CombinedOutput()
			if refused = bytes.Contains(out, []byte("Bad owner or permissions on /mnt/.ssh/config")); refused != (err != nil) {
				t.Errorf("%s: %s said %q, %v", tt.name, name, out, err)
			}
			return refused
		}
		if got, want := ask("/mnt/knockpipe", "-G", "tango"), ask("ssh", "-G", "tango"); got != want {
			t.Errorf("%s: knockpipe refuses it: %v, ssh: %v", tt.name, got, want)
		}
	}
}

// openHome has a folder at /mnt of the client, with knockpipe and a config, that
// everybody may look into.
func openHome(t *testing.T, l *lab.Lab) (home string) {
	t.Helper()
	home = t.TempDir()
	program, err := os.ReadFile(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	for path, data := range map[string][]byte{"knockpipe": program, ".ssh/config": []byte("# Knock: 7\n")} {
		path = filepath.Join(home, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Chmod(home, 0o755), os.Chmod(filepath.Join(home, ".ssh"), 0o755)); err != nil {
		t.Fatal(err)
	}
	l.Client.Bind(t, home, "/mnt")
	return home
}

// as is a command of another user of the client.
func as(l *lab.Lab, user uint32, name string, args ...string) *lab.Cmd {
	cmd := l.Client.Command(name, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	return cmd
}

// TestHomeless has users without a home directory, as services are. They have no side
// file.
func TestHomeless(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	home := openHome(t, l)
	if err := os.Chown(home, 1234, 1234); err != nil {
		t.Skipf("skipping, nothing can be done as another user: %v", err)
	}
	if err := os.MkdirAll(home+"/shut/.ssh", 0o700); err != nil {
		t.Fatal(err)
	}
	l.Client.WriteFile(t, "/etc/ssh/ssh_config", "# Knock: 9\n")
	for _, tt := range []struct{ home, note string }{
		{"/dev/null", ""},
		{"/nonexistent", ""},
		{"/mnt/shut", "knockpipe: warning: /mnt/shut/.ssh/knock_config: not read: permission denied"},
	} {
		l.Client.WriteFile(t, "/etc/passwd", "ann:x:1234:1234::"+tt.home+":/bin/sh\n")
		out, err := as(l, 1234, "/mnt/knockpipe", "-G", "tango").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "knock 9 # /etc/ssh/ssh_config:1\n") ||
			!strings.Contains(string(out), tt.note) || tt.note == "" && strings.Contains(string(out), "warning") {
			t.Errorf("%s: got %q, %v, want the system's knock and %q", tt.home, out, err, tt.note)
		}
	}
}
