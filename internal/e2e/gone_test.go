//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"knockpipe/internal/lab"
	"knockpipe/internal/state"
)

// goneTime is how long knockpipe may outlive its ssh.
const goneTime = time.Second

// TestSSHKilledAtTheDoor kills a real ssh while its knockpipe waits for something that
// takes hours: knockpipe is gone a second later, and has said nothing.
func TestSSHKilledAtTheDoor(t *testing.T) {
	const times = 20
	t.Parallel()
	for _, tt := range []struct {
		nohup  bool
		signal syscall.Signal
	}{
		{false, syscall.SIGKILL}, {false, syscall.SIGTERM}, {false, syscall.SIGHUP},
		{true, syscall.SIGKILL}, {true, syscall.SIGTERM},
	} {
		for _, pass := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, nohup %v, -F %v", tt.signal, tt.nohup, pass), func(t *testing.T) {
				t.Parallel()
				l := lab.New(t)
				l.Server.Nft(t, silent)
				wire := l.Client.Sniff(t)
				var all []*doomed
				for i := range times {
					option := ""
					if pass {
						option = "-F "
					}
					// Each has a lock folder of its own, so that all of them knock.
					d := newDoomed(t, l, fmt.Sprintf("%s-w 1h -s 198.51.100.1 198.51.100.2 %d 12345", option, 40000+i), pass, tt.nohup, t.TempDir())
					wire.Await(func(p lab.Packet) bool { return p.Out && p.SYN && p.Dst.Port() == uint16(40000+i) })
					all = append(all, d)
				}
				for _, d := range all {
					d.Process.Signal(tt.signal)
				}
				for _, d := range all {
					d.checkGone(t)
				}
			})
		}
	}
}

// TestSSHKilledAnywhere kills ssh while its knockpipe does one of the other things that
// may take long.
func TestSSHKilledAnywhere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, line string
		prepare    func(t *testing.T, l *lab.Lab)
		await      func(t *testing.T, l *lab.Lab, wire *lab.Sniffer, d *doomed)
	}{
		{"plain connect", "198.51.100.2 22", nil,
			func(t *testing.T, l *lab.Lab, wire *lab.Sniffer, d *doomed) {
				wire.Await(func(p lab.Packet) bool { return p.Out && p.SYN && p.Dst.Port() == 22 })
			}},
		{"name", "tango.example.org 22 12345",
			func(t *testing.T, l *lab.Lab) {
				l.Server.Nft(t, "table inet dns { chain input { type filter hook input priority -1; udp dport 53 drop; }; }")
				l.Client.WriteFile(t, "/etc/resolv.conf", "nameserver 198.51.100.2\noptions timeout:30 attempts:9\n")
			},
			func(t *testing.T, l *lab.Lab, wire *lab.Sniffer, d *doomed) {
				wire.Await(func(p lab.Packet) bool { return p.Out && p.Dst.Port() == 53 })
			}},
		{"turn", "-w 1h 198.51.100.2 22 12345", nil,
			func(t *testing.T, l *lab.Lab, wire *lab.Sniffer, d *doomed) { awaitWaiters(t, d.locks, 1) }},
		{"exec", "-w 1h -f CONFIG 198.51.100.2 22", nil,
			func(t *testing.T, l *lab.Lab, wire *lab.Sniffer, d *doomed) {
				for deadline := time.Now().Add(10 * time.Second); len(d.below(t)) < 2; {
					if time.Now().After(deadline) {
						t.Fatal("the command has not begun")
					}
					time.Sleep(time.Millisecond) // nothing tells of it
				}
			}},
	} {
		for _, pass := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, -F %v", tt.name, pass), func(t *testing.T) {
				t.Parallel()
				l := lab.New(t)
				l.Server.Nft(t, silent)
				if tt.prepare != nil {
					tt.prepare(t, l)
				}
				wire := l.Client.Sniff(t)
				runtime := t.TempDir()
				if tt.name == "turn" {
					dir, err := state.RuntimeDir(func(string) string { return runtime }, "")
					if err != nil {
						t.Fatal(err)
					}
					turn := (&state.Turns{Dir: dir}).Wait(t.Context(), l.Server.IP4)
					defer turn.End(0)
				}
				config := filepath.Join(t.TempDir(), "knock_config")
				if err := os.WriteFile(config, []byte("Knock 'exec:sleep 64 & sleep 65'\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				line := strings.Replace(tt.line, "CONFIG", config, 1)
				if pass {
					line = "-F " + line
				}
				d := newDoomed(t, l, line, pass, false, runtime)
				tt.await(t, l, wire, d)
				below := d.below(t)
				d.Process.Kill()
				d.checkGone(t)
				for _, pid := range below {
					if alive(pid) {
						t.Errorf("a process of its command is left: %s", pid)
					}
				}
			})
		}
	}
}

// A doomed ssh waits for its knockpipe.
type doomed struct {
	*lab.Cmd
	stderr    bytes.Buffer
	locks     string // where turns are kept
	knockpipe string // its number
}

func newDoomed(t *testing.T, l *lab.Lab, line string, pass, nohup bool, runtime string) *doomed {
	t.Helper()
	config := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf("Host tango\n\tProxyCommand %s %s\n", binary(t), line)
	if pass {
		text += "\tProxyUseFdpass yes\n"
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	script := "exec ssh -F " + config + " tango"
	if nohup {
		script = "trap '' HUP; " + script
	}
	d := &doomed{Cmd: l.Client.Command("sh", "-c", script), locks: filepath.Join(runtime, "knockpipe")}
	d.Env = append(d.Env, "XDG_RUNTIME_DIR="+runtime, "SHELL=/bin/sh")
	d.Stderr = &d.stderr
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); d.knockpipe == ""; {
		for _, pid := range childrenOf(t, d.Process.Pid) {
			if name, _ := os.ReadFile("/proc/" + pid + "/comm"); string(name) == "knockpipe\n" {
				d.knockpipe = pid
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("ssh has no knockpipe: %s", &d.stderr)
		}
		time.Sleep(time.Millisecond) // nothing tells of it
	}
	return d
}

// below lists what knockpipe has started.
func (d *doomed) below(t *testing.T) []string {
	t.Helper()
	var all []string
	pid, err := strconv.Atoi(d.knockpipe)
	if err != nil {
		t.Fatal(err)
	}
	for next := []int{pid}; len(next) > 0; next = next[1:] {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", next[0]))
		for _, task := range tasks {
			text, _ := os.ReadFile(task)
			for _, child := range strings.Fields(string(text)) {
				n, _ := strconv.Atoi(child)
				all, next = append(all, child), append(next, n)
			}
		}
	}
	return all
}

// checkGone waits for the end of ssh, and then for that of its knockpipe.
func (d *doomed) checkGone(t *testing.T) {
	t.Helper()
	d.Process.Wait()
	for end := time.Now().Add(goneTime); alive(d.knockpipe); {
		if time.Now().After(end) {
			t.Errorf("knockpipe is left %v after its ssh", goneTime)
			pid, _ := strconv.Atoi(d.knockpipe)
			syscall.Kill(pid, syscall.SIGKILL)
			break
		}
		time.Sleep(time.Millisecond) // nothing tells of it
	}
	d.Wait()
	if strings.Contains(d.stderr.String(), "knockpipe:") {
		t.Errorf("it said %q, want nothing", &d.stderr)
	}
}

// alive reports whether a process runs.
func alive(pid string) bool {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(text), ") Z ")
}
