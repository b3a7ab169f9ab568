//go:build linux

package lab

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A recorder is a test that goes on after its end and knows how it ended.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Fatalf(format string, args ...any) { r.say("fatal: "+format, args...) }
func (r *recorder) Skipf(format string, args ...any)  { r.say("skip: "+format, args...) }

func (r *recorder) say(format string, args ...any) {
	if r.said == "" {
		r.said = fmt.Sprintf(format, args...)
	}
}

func TestCommand(t *testing.T) {
	l := New(t)
	cmd := l.Client.Command("sh", "-c", "cat; echo problem >&2; exit 3")
	cmd.Stdin = strings.NewReader("hello")
	out, err := cmd.Output()
	if got := string(out); got != "hello" {
		t.Errorf("got %q, want hello", got)
	}
	exit, ok := err.(*exec.ExitError)
	if !ok || exit.ExitCode() != 3 || string(exit.Stderr) != "problem\n" {
		t.Errorf("got %v, want exit status 3 and a problem", err)
	}
	out, err = l.Client.Command("sh", "-c", "echo $$").CombinedOutput()
	if err != nil || len(out) > 3 {
		t.Errorf("got process %s, %v, want a number from a young process table", out, err)
	}
}

func TestFilesAreTheHostsOwn(t *testing.T) {
	l := New(t)
	before, err := os.ReadFile("/etc/hosts")
	if err != nil {
		t.Fatal(err)
	}
	l.Client.WriteFile(t, "/etc/hosts", "198.51.100.2 tango\n")
	for _, tt := range []struct {
		host *Host
		want string
	}{{l.Client, "198.51.100.2 tango\n"}, {l.Server, string(before)}} {
		if got, err := tt.host.Command("cat", "/etc/hosts").Output(); err != nil || string(got) != tt.want {
			t.Errorf("%s: got %q, %v, want %q", tt.host.Name, got, err, tt.want)
		}
	}
	if after, err := os.ReadFile("/etc/hosts"); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the machine has %q, %v, want %q as before", after, err, before)
	}
}

func TestStartPty(t *testing.T) {
	l := New(t)
	cmd := l.Client.Command("sh", "-c", "tty >/dev/tty; read -r line; echo got $line")
	screen := cmd.StartPty(t)
	if _, err := io.WriteString(screen, "typed\n"); err != nil {
		t.Fatal(err)
	}
	shown, _ := io.ReadAll(screen) // its error is the command's end
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/dev/pts/", "typed", "got typed"} {
		if !strings.Contains(string(shown), want) {
			t.Errorf("got %q, want %q in it", shown, want)
		}
	}
}

func TestDaemon(t *testing.T) {
	l := New(t)
	d := l.Server.Daemon(t, "ready", "sh", "-c", "echo getting ready; sleep infinity")
	if got, want := d.Log(), "getting ready\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Whatever a test leaves behind on its hosts is gone when the test is over.
func TestNothingRemains(t *testing.T) {
	mounts := mountTable(t)
	var processes []string
	t.Run("lab", func(t *testing.T) {
		l := New(t)
		for _, h := range []*Host{l.Client, l.Server, l.Behind(t)} {
			network, err := os.Readlink(h.netns)
			if err != nil {
				t.Fatal(err)
			}
			if err := h.Command("sh", "-c", "setsid sleep 1000 & setsid sleep 1000 & exit").Run(); err != nil {
				t.Fatal(err)
			}
			if err := h.Command("sleep", "1000").Start(); err != nil {
				t.Fatal(err)
			}
			found := processesIn(t, network)
			if got, want := len(found), 4; got != want {
				t.Errorf("got %d processes on %s, want init and %d", got, h.Name, want-1)
			}
			processes = append(processes, found...)
		}
		if got := mountTable(t); got != mounts {
			t.Errorf("the machine sees mounts of the lab: got\n%s\nwant\n%s", got, mounts)
		}
	})
	for _, process := range processes {
		if name := filepath.Join("/proc", process); exists(name) {
			line, _ := os.ReadFile(filepath.Join(name, "cmdline"))
			t.Errorf("still there: %q", line)
		}
	}
	if got := mountTable(t); got != mounts {
		t.Errorf("mounts: got\n%s\nwant\n%s", got, mounts)
	}
}

// Nothing remains when the test binary is killed either.
func TestNothingRemainsAfterKill(t *testing.T) {
	New(t) // or skip
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestToBeKilled$")
	cmd.Env = append(os.Environ(), "LAB_TO_BE_KILLED=1")
	cmd.Stdout = write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	out := bufio.NewReader(read)
	if line, err := out.ReadString('\n'); err != nil || line != "here\n" {
		t.Errorf("got %q, %v, want a process on the host to say that it is here", line, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	// The end of the pipe is the end of all that have it as their stdout.
	if rest, err := io.ReadAll(out); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v, want nothing more", rest, err)
	}
}

// TestToBeKilled is the victim of TestNothingRemainsAfterKill.
func TestToBeKilled(t *testing.T) {
	if os.Getenv("LAB_TO_BE_KILLED") == "" {
		return
	}
	cmd := New(t).Client.Command("sh", "-c", "echo here; setsid sleep 1000 & sleep 1000")
	cmd.Stdout = os.Stdout
	cmd.Run()
}

// TestUnprivileged runs some of these tests as an unprivileged user.
func TestUnprivileged(t *testing.T) {
	New(t) // or skip
	if !realRoot() {
		skip(t, "only root can become someone else")
	}
	cmd := exec.Command("/proc/self/exe", "-test.v", "-test.run=^Test(Cable|Nft|NothingRemains|SSHD)$")
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	if bytes.Contains(out, []byte("no user namespace")) || bytes.Contains(out, []byte("no namespaces")) {
		skip(t, "users cannot make namespaces here:\n%s", out)
	}
	for _, want := range []string{
		"--- PASS: TestCable", "--- PASS: TestNft", "--- PASS: TestNothingRemains",
		"skipping, sshd needs root", "--- SKIP: TestSSHD",
	} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func mountTable(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// processesIn returns the ids of the processes in a network namespace. Its own
// number says nothing later: the kernel gives it to the next one that is made.
func processesIn(t *testing.T, network string) []string {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, link := range links {
		if name, _ := os.Readlink(link); name == network {
			found = append(found, strings.Split(link, "/")[2])
		}
	}
	return found
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
