//go:build linux

package e2e

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestStoppedCrowd stops a hundred processes that wait at a shut door (Ctrl-Z). One that
// comes when the door works again gets in.
func TestStoppedCrowd(t *testing.T) {
	rounds := 1
	if n, err := strconv.Atoi(os.Getenv("STOPPED_CROWDS")); err == nil {
		rounds = n
	}
	for round := range rounds {
		t.Run(strconv.Itoa(round), func(t *testing.T) {
			l := lab.New(t, lab.Link{Delay: 10 * time.Millisecond})
			l.Server.Nft(t, silent)
			l.Server.Banner(t, 22)
			runtime := t.TempDir()
			crowd := crowd(t, l, runtime, 100, "-w 60 198.51.100.2 22 "+sequence)
			awaitWaiters(t, filepath.Join(runtime, "knockpipe"), len(crowd))
			for _, cmd := range crowd {
				cmd.Process.Signal(syscall.SIGSTOP)
				time.Sleep(time.Duration(round%4*25) * time.Millisecond) // turns change meanwhile, or do not
			}
			l.Server.Nft(t, "delete table inet silent")
			knockd(t, l)
			cmd := knockpipe(t, l, "198.51.100.2 22 "+sequence)
			cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+runtime)
			start := time.Now()
			out, err := cmd.CombinedOutput()
			if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
				t.Errorf("after %v got %q, %v, want %q", time.Since(start), out, err, want)
			}
			t.Log(time.Since(start))
		})
	}
}

// TestLockHeld lets a stopped flock(1) hold every lock. No process waits longer than its
// time, or so long that too little of it is left.
func TestLockHeld(t *testing.T) {
	t.Parallel()
	lab.Need(t, "flock")
	l := lab.New(t)
	l.Server.NftFile(t, "examples/nftables.conf")
	l.Server.Banner(t, 22)
	runtime := t.TempDir()
	run := func(line string) (string, time.Duration) {
		forget(t, l)
		unfollowed(t, runtime)
		cmd := knockpipe(t, l, line)
		cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+runtime)
		start := time.Now()
		out, _ := cmd.CombinedOutput()
		return string(out), time.Since(start)
	}
	const line = "198.51.100.2 22 " + sequence
	run(line)
	files, err := filepath.Glob(filepath.Join(runtime, "knockpipe", "turn-*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %v, %v, want what is locked", files, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".end") {
			continue
		}
		holder := l.Client.Command("flock", "-F", file, "sh", "-c", "echo mine; kill -STOP $$")
		mine, err := holder.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { holder.Process.Kill(); holder.Wait() }()
		bufio.NewReader(mine).ReadString('\n')
	}
	for _, limit := range []string{"-w 1 ", "-w 2 ", ""} {
		out, took := run(limit + line)
		if out != "SSH-2.0-bench\r\n" {
			t.Errorf("%s: got %q, want to be let in", limit, out)
		}
		t.Logf("%s: in after %v", limit, took)
	}
	l.Server.Nft(t, silent)
	out, took := run("-w 1 " + line)
	if !strings.Contains(out, "silent for 1s") || took > 5*time.Second {
		t.Errorf("got %q after %v, want an end after 1s", out, took)
	}
	t.Logf("gone after %v", took)
}

// crowd starts so many knockpipes that share their turns, and ends them with the test.
func crowd(t *testing.T, l *lab.Lab, runtime string, n int, line string) []*lab.Cmd {
	t.Helper()
	crowd := make([]*lab.Cmd, n)
	for i := range crowd {
		crowd[i] = knockpipe(t, l, line)
		crowd[i].Env = append(crowd[i].Env, "XDG_RUNTIME_DIR="+runtime)
		if err := crowd[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, cmd := range crowd {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return crowd
}

// BenchmarkWaiters measures the cost of a hundred processes that wait at a shut door for
// 8 s.
func BenchmarkWaiters(b *testing.B) {
	l := lab.New(b)
	l.Server.Nft(b, silent)
	runtime := b.TempDir()
	var used time.Duration
	var crowd []*lab.Cmd
	for range 100 {
		cmd := knockpipe(b, l, "-w 8 198.51.100.2 22 "+sequence)
		cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+runtime)
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		crowd = append(crowd, cmd)
	}
	for _, cmd := range crowd {
		cmd.Wait()
		used += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	b.ReportMetric(used.Seconds(), "cpu-s")
}
