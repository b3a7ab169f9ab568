//go:build linux

package e2e

import (
	"bytes"
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
	home := t.TempDir()
	l.Client.Bind(t, home, "/mnt")
	program, err := os.ReadFile(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	// Where everybody may run it.
	for path, data := range map[string][]byte{"knockpipe": program, ".ssh/config": []byte("# Knock: 7\n")} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(home, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, path), data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{home, filepath.Join(home, ".ssh")} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(home, ".ssh", "config")
	for _, tt := range tests {
		if err := os.Chown(config, tt.uid, tt.gid); err != nil {
			t.Skipf("skipping, no files of other users can be made: %v", err)
		}
		if err := os.Chmod(config, tt.mode); err != nil {
			t.Fatal(err)
		}
		ask := func(name string, args ...string) (refused bool) {
			cmd := l.Client.Command(name, args...)
			cmd.Env = []string{"HOME=/mnt", "PATH=" + os.Getenv("PATH")}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: tt.as, Gid: tt.as}}
			out, err := cmd.CombinedOutput()
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
