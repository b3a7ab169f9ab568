package config_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"knockpipe/config"
)

// TestAnchor checks what a sequence may do in its file: only a plain keyword in a file
// that nobody else can write may run a program, and relative paths start in that file's
// directory.
func TestAnchor(t *testing.T) {
	dir := t.TempDir()
	path, own := filepath.Join(dir, "config"), filepath.Join(dir, "own")
	if err := os.WriteFile(own, []byte("\nKnock exec:true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, text string
		mode       os.FileMode
		want       string // the sequence, or the error
	}{
		{"comment", "# Knock: exec:true\n", 0o600, "error: " + path + ":1:10: Knock: exec: a comment must not run a program: write it as a plain keyword"},
		{"closing, in a comment", "# KnockClose: exec:true\n", 0o600, "error: " + path + ":1:15: KnockClose: exec: a comment must not run a program: write it as a plain keyword"},
		{"others can write", "Knock 1 exec:true\n", 0o646, "error: " + path + ":1:7: Knock: exec: not run, because others can write to this file or to one that includes it"},
		{"others can write to what includes it", "Include " + own + "\n", 0o646, "error: " + own + ":2:7: Knock: exec: not run, because others can write to this file or to one that includes it"},
		{"included", "Include " + own + "\n", 0o600, "exec:true"},
		{"list that closes", "# KnockClose: once:/a\n", 0o600, "error: " + path + ":1:15: KnockClose: once: a one-time list cannot close a door"},
		{"plain", "Knock 1 \"exec:echo 2\"\n", 0o644, "1 exec:echo 2"},
		{"closing by a list", "KnockClose once:/a\n", 0o600, "error: " + path + ":1:12: KnockClose: once: a one-time list cannot close a door"},
		{"relative", "# Knock: once:lists/a\n", 0o600, "once:" + filepath.Join(dir, "lists/a")},
		{"home", "# Knock: once:~/a\n", 0o600, "once:/home/alice/a"},
		{"absolute", "# Knock: once:/a\n", 0o600, "once:/a"},
	}
	for _, tt := range tests {
		if runtime.GOOS == "windows" && tt.mode == 0o646 {
			continue
		}
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		s, err := config.Sources{File: path, Home: "/home/alice", LocalUser: "alice", Env: os.Getenv}.Load(config.Query{Name: "tango"})
		got := ""
		if err != nil {
			got = "error: " + err.Error()
		} else {
			got = s.Knock.String()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
