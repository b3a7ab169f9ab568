//go:build linux

package e2e

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestProcessLimit lets the user have no more processes and threads once the session has
// begun. The session goes on and ends as it should.
func TestProcessLimit(t *testing.T) {
	t.Parallel()
	lab.Need(t, "setpriv", "prlimit")
	if os.Getuid() != 0 {
		t.Skip("skipping, as only root can be another user, and root has no such limit")
	}
	l := lab.New(t)
	l.Server.NftFile(t, "examples/nftables.conf")
	listener := l.Server.Listen(t, "tcp4", ":22")
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.WriteString(conn, "hello\n")
				io.Copy(conn, conn)
			}()
		}
	}()
	text, err := os.ReadFile(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "knockpipe")
	for _, dir := range []string{dir, filepath.Dir(dir)} { // the other user looks into them
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, text, 0o755); err != nil {
		t.Fatal(err)
	}
	const user = "64170"
	cut := 0
	const rounds = 10
	for range rounds {
		cmd := l.Client.Command("setpriv", "--reuid", user, "--clear-groups", path)
		cmd.Args = append(cmd.Args, strings.Fields("-f none 198.51.100.2 22 "+sequence)...)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(stdout, make([]byte, len("hello\n"))); err != nil {
			t.Fatalf("no session: %v: %s", cmd.Wait(), &stderr)
		}
		pid := strconv.Itoa(cmd.Process.Pid)
		// The threads in reserve are made once the session has begun: no more of them
		// for a while.
		var tasks []os.DirEntry
		for since := time.Now(); time.Since(since) < 200*time.Millisecond; {
			now, _ := os.ReadDir("/proc/" + pid + "/task")
			if len(now) != len(tasks) {
				tasks, since = now, time.Now()
			}
			time.Sleep(10 * time.Millisecond)
		}
		if out, err := exec.Command("setpriv", "--reuid", user, "--clear-groups", "prlimit", "--nproc=1", "--pid", pid).CombinedOutput(); err != nil {
			t.Fatalf("prlimit: %v: %s", err, out)
		}
		go func() {
			for range 20 {
				stdin.Write(make([]byte, 100<<10))
				time.Sleep(5 * time.Millisecond) // as a user types; nothing waits for it
			}
			stdin.Close()
		}()
		got, _ := io.Copy(io.Discard, stdout)
		if err := cmd.Wait(); err != nil || got != 20*100<<10 {
			cut++
			first, _, _ := strings.Cut(stderr.String(), "\n")
			t.Logf("%d bytes came back, %v: %s; it had %d threads", got, err, first, len(tasks))
		}
	}
	if cut > 0 {
		t.Errorf("%d of %d sessions were cut", cut, rounds)
	}
}
