//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"knockpipe/internal/lab"
)

// TestExec has another program knock.
func TestExec(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, command, want string }{ // what stdout or stderr begins with
		{"fails", "echo no >&2; exit 3", "no\nknockpipe: 198.51.100.2: knock 1 of 1 (exec): exit status 3\n"},
		{"does not end, nor what it starts", "sleep 60 & sleep 60", "knockpipe: time ran out before the sequence was sent once\n"},
		{"knocks", `test $KNOCK_HOST = 198.51.100.2 && for p in ` + sequence + `; do nc -z -w1 $KNOCK_ADDR $p; done; echo knocked for $KNOCK_PORT`, "knocked for 22\nSSH-2.0-bench\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			l.Server.NftFile(t, "examples/nftables.conf")
			l.Server.Banner(t, 22)
			config := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(config, []byte("Knock 'exec:"+tt.command+"'\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := knockpipe(t, l, "-w 2 -f "+config+" 198.51.100.2 22").CombinedOutput()
			if errors.Is(err, exec.ErrWaitDelay) {
				t.Error("a process of the command lives on")
			}
			if !strings.HasPrefix(string(out), tt.want) {
				t.Errorf("got %q, want %q", out, tt.want)
			}
		})
	}
}
