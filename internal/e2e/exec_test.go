//go:build linux

package e2e

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
	tests := []struct{ name, flags, command, want string }{ // what stdout or stderr begins with
		{"fails", "", "echo no >&2; exit 3", "no\nknockpipe: 198.51.100.2: knock 1 of 1 (exec): exit status 3\n"},
		{"does not end, nor what it starts", "", "sleep 60 & sleep 60", "knockpipe: time ran out before the sequence was sent once\n"},
		{"fails, with -k", "-k ", "echo no >&2; exit 3", "no\nknockpipe: 198.51.100.2: knock 1 of 1 (exec): exit status 3\n"},
		{"only knocks", "-k ", "echo $KNOCK_HOST $KNOCK_ADDR $KNOCK_PORT", "198.51.100.2 198.51.100.2 22\n"},
		{"knocks", "", `test $KNOCK_HOST = 198.51.100.2 && for p in ` + sequence + `; do nc -z -w1 $KNOCK_ADDR $p; done; echo knocked for $KNOCK_PORT`, "knocked for 22\nSSH-2.0-bench\r\n"},
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
			out, err := knockpipe(t, l, tt.flags+"-w 2 -f "+config+" 198.51.100.2 22").CombinedOutput()
			if errors.Is(err, exec.ErrWaitDelay) {
				t.Error("a process of the command lives on")
			}
			if !strings.HasPrefix(string(out), tt.want) {
				t.Errorf("got %q, want %q", out, tt.want)
			}
		})
	}
}

// TestExecAlone looks at what a program that knocks is given: an empty stdin, and
// stderr twice, and nothing of what knockpipe itself was started with.
func TestExecAlone(t *testing.T) {
	l := lab.New(t)
	l.Server.Banner(t, 22)
	dir := t.TempDir()
	config := filepath.Join(dir, "config")
	for _, keyword := range []string{"Knock", "KnockClose"} {
		const command = `cd /proc/self/fd; for fd in *; do test -e $fd && echo $fd; done; test 0 -ef /dev/null && test 1 -ef 2 && echo right`
		if err := os.WriteFile(config, []byte("KnockHost 198.51.100.1\n"+keyword+" 'exec:"+command+"'\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := l.Client.Command("sh", "-c", `exec 2>"$0.stderr" 7<"$0" 9<"$0"; "$@" || echo exit $?`,
			config, binary(t), "-f", config, "198.51.100.2", "22")
		cmd.Stdin = strings.NewReader("for the server\n")
		out, err := cmd.Output()
		if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
			t.Errorf("%s: stdout got %q, %v, want %q", keyword, out, err, want)
		}
		said, err := os.ReadFile(config + ".stderr")
		if want := "0\n1\n2\nright\n"; err != nil || string(said) != want {
			t.Errorf("%s: the program has the descriptors %q, %v, want %q", keyword, said, err, want)
		}
	}
}
