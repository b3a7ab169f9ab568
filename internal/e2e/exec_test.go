//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"knockpipe/internal/lab"
)

// TestExec lets another program knock.
func TestExec(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, flags, command, want string }{ // what stdout or stderr begins with
		{"fails", "", "echo no >&2; exit 3", "no\nknockpipe: 198.51.100.2: knock 1 of 1 (exec): exit status 3\n"},
		{"does not end, nor what it starts", "", "sleep 60 & sleep 60", "knockpipe: time ran out before the sequence was sent once\n"},
		{"is not there", "", "hunter2 12345", "sh: not found\nknockpipe: 198.51.100.2: knock 1 of 1 (exec): exit status 127\n"},
		{"is no command", "", "done hunter2", "sh: the command failed; the shell's message is not shown, because it quotes the command\nknockpipe: 198.51.100.2: knock 1 of 1 (exec): exit status 2\n"},
		{"waits for what it starts", "-k ", "(sleep 0.1; echo no >&2) & wait; exit 3", "no\nknockpipe: 198.51.100.2: knock 1 of 1 (exec): exit status 3\n"},
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

// TestExecEnds looks for processes that a knocking program has started, after the program
// or knockpipe has ended in any way.
func TestExecEnds(t *testing.T) {
	t.Parallel()
	// The door opens while the program runs a second time: the connect after its first run,
	// which has the patience of one that begins late, gets in by its kernel's second or
	// third SYN.
	const second = "test -e FLAG || { touch FLAG; sleep 4; exit; }; "
	for i, tt := range []struct {
		name, command, flags string
		signal               syscall.Signal // once it sleeps; zero for none
		guarded              bool           // the port is shut, else the session begins beside the program
	}{
		{"the command ends", "sleep N & exit 0", "-k ", 0, true},
		{"the session ends", second + "sleep N", "", 0, false},
		{"passed to ssh", second + "sleep N", "-F ", 0, false},
		{"SIGTERM", "sleep N; true", "", syscall.SIGTERM, true},
		{"SIGKILL", "sleep N & sleep N", "", syscall.SIGKILL, true},
		{"SIGKILL in a session", second + "sleep N & wait", "", syscall.SIGKILL, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			l.Server.Nft(t, silent)
			l.Server.Banner(t, 22)
			mark, secret := fmt.Sprintf("6417.%d%d", os.Getpid(), i), fmt.Sprintf("secret-%d-%d", os.Getpid(), i)
			dir := t.TempDir()
			config := filepath.Join(dir, "config")
			command := strings.NewReplacer("N", mark, "FLAG", dir+"/flag").Replace(": " + secret + "; " + tt.command)
			if err := os.WriteFile(config, []byte("KnockConnects 1\nKnockTimeout 30\nKnock 'exec:"+command+"'\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := knockpipe(t, l, tt.flags+"-f "+config+" 198.51.100.2 22")
			stdin, err := cmd.StdinPipe()
			var stdout io.Reader
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(tt.flags, "-F") {
				pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
				if err != nil {
					t.Fatal(err)
				}
				ssh, ours := os.NewFile(uintptr(pair[0]), "ssh"), os.NewFile(uintptr(pair[1]), "ours")
				defer ssh.Close()
				defer ours.Close()
				cmd.Stdout = ours
			} else if stdout, err = cmd.StdoutPipe(); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if tt.flags != "-k " { // that one may be through with it
				for deadline := time.Now().Add(20 * time.Second); len(running(t, mark)) == 0; {
					if time.Now().After(deadline) {
						t.Fatal("the program does not run")
					}
					time.Sleep(5 * time.Millisecond) // nothing tells of it
				}
				if got := running(t, secret); len(got) > 0 {
					t.Errorf("everybody sees %q", got)
				}
			}
			if !tt.guarded {
				l.Server.Nft(t, "delete table inet silent")
			}
			if !tt.guarded && tt.flags == "" {
				if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "SSH-2.0-bench\r\n" {
					t.Errorf("got %q, %v, want a session", line, err)
				}
				if len(running(t, mark)) == 0 {
					t.Error("the program has ended before the session")
				}
			}
			if tt.signal != 0 {
				cmd.Process.Signal(tt.signal)
			}
			stdin.Close()
			cmd.Wait()
			start := time.Now()
			for len(running(t, mark)) > 0 {
				if time.Since(start) > 5*time.Second {
					t.Fatalf("%q are left", running(t, mark))
				}
				time.Sleep(5 * time.Millisecond)
			}
			t.Logf("gone after %v", time.Since(start).Round(time.Millisecond))
		})
	}
}

// running returns the command lines of processes that have a word in them.
func running(t *testing.T, word string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		if text, _ := os.ReadFile(file); bytes.Contains(text, []byte(word)) {
			found = append(found, string(text))
		}
	}
	return found
}

// TestExecAlone looks at the descriptors of a knocking program: an empty stdin, stderr
// twice, and none that knockpipe inherited.
func TestExecAlone(t *testing.T) {
	t.Parallel()
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
