//go:build linux

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"knockpipe/internal/lab"
	"knockpipe/internal/state"
)

// TestCrowd opens one door forty times at once, as Ansible and parallel git do.
// Two sequences at a time spoil each other at knockd, so the processes take turns
// at knocking, and those that wait get in on the first one's knock. All wait before
// that: the test has the first turn until then.
func TestCrowd(t *testing.T) {
	doors := map[string]func(t testing.TB, l *lab.Lab){
		"nftables": func(t testing.TB, l *lab.Lab) { l.Server.NftFile(t, "examples/nftables.conf") },
		"knockd":   knockd,
	}
	for name, guard := range doors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t, lab.Link{Delay: 10 * time.Millisecond})
			guard(t, l)
			server := l.Server.Banner(t, 22)
			wire := l.Server.Sniff(t)
			const crowd = 40
			runtime := t.TempDir()
			dir, err := state.RuntimeDir(func(string) string { return runtime }, "")
			if err != nil {
				t.Fatal(err)
			}
			turn := (&state.Turns{Dir: dir}).Wait(t.Context(), l.Server.IP4)
			var wg sync.WaitGroup
			for i := range crowd {
				cmd := knockpipe(t, l, "-w 20 198.51.100.2 22 "+sequence)
				cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+runtime)
				wg.Go(func() {
					var stderr bytes.Buffer
					cmd.Stderr = &stderr
					out, err := cmd.Output()
					if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
						t.Errorf("process %d: got %q, %v, want %q\n%s", i, out, err, want, stderr.Bytes())
					}
				})
			}
			awaitWaiters(t, dir, crowd)
			turn.End(0)
			wg.Wait()
			if got := server.Accepted(); got != crowd {
				t.Errorf("the server accepted %d connections, want %d", got, crowd)
			}
			if got := l.Server.Handshakes(t); got != crowd {
				t.Errorf("the server's kernel completed %d handshakes, want %d", got, crowd)
			}
			knocks := knocksAt(l, wire)
			t.Logf("%d knocks for %d connections", knocks, crowd)
			if most := 80; knocks > most {
				t.Errorf("%d knocks, want at most %d: one process knocks for all", knocks, most)
			}
		})
	}
}

// TestFollowers begins some twenty sessions a second, as scripts do. If each knocked, the
// door would take them for a scanner. A door that lets in only one connection for each
// knock is found out, and then each session knocks, within the limit of a session.
func TestFollowers(t *testing.T) {
	most := map[string]int{"nftables": 60, "knockd": 60, "recent": 60 * 40} // knocks
	for _, g := range guards {
		if most[g.name] == 0 {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t, lab.Link{Delay: 10 * time.Millisecond})
			g.set(t, l)
			l.Server.Banner(t, 22)
			wire := l.Server.Sniff(t)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for range 15 {
						if out, err := knockpipe(t, l, "198.51.100.2 22 "+sequence).CombinedOutput(); err != nil {
							t.Errorf("%v: %s", err, out)
						}
						time.Sleep(100 * time.Millisecond) // which a login takes
					}
				})
			}
			wg.Wait()
			knocks := knocksAt(l, wire)
			if t.Logf("%d knocks for 60 sessions", knocks); knocks > most[g.name] {
				t.Errorf("%d knocks, want at most %d", knocks, most[g.name])
			}
		})
	}
}

// TestFollowInVain shuts the door behind a session, so that the next one follows in vain and
// has to knock. Then none follows, though the door stays open.
func TestFollowInVain(t *testing.T) {
	const (
		knocks  = "knocks"
		follows = "follows"
		both    = "follows in vain"
	)
	for name, guard := range map[string]struct{ conf, file, table string }{
		"refused":       {"", "examples/nftables.conf", "knockpipe_22"},
		"silent":        {"", "testdata/doors/silent.nft", "silent"},
		"KnockConnects": {"KnockConnects 1\n", "testdata/doors/silent.nft", "silent"},
		"KnockTries":    {"KnockTries 1\n", "testdata/doors/silent.nft", "silent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t, lab.Link{Delay: 10 * time.Millisecond})
			l.Server.NftFile(t, guard.file)
			l.Server.Banner(t, 22)
			config := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(config, []byte(guard.conf+"# Knock: "+sequence+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			var latest time.Time
			for i, step := range []struct {
				shut bool
				want string
			}{
				{false, knocks},
				{false, follows},
				{true, both},
				{false, knocks}, // though the door is open
			} {
				if step.shut {
					flush(t, l.Server, guard.table, "clients4", "candidates4")
				}
				out, err := knockpipe(t, l, "-v -f "+config+" 198.51.100.2 22").CombinedOutput()
				if err != nil {
					t.Fatalf("session %d: %v: %s", i, err, out)
				}
				got := knocks
				if strings.Contains(string(out), "without a knock") {
					got = both
					if !strings.Contains(string(out), "try 1 at") {
						got = follows
					}
				}
				if i < 3 {
					latest = time.Now()
				} else if time.Since(latest) > time.Second { // a machine so busy has no doubt any more
					break
				}
				if got != step.want {
					t.Errorf("session %d: %s, want %s\n%s", i, got, step.want, out)
				}
			}
		})
	}
}

// knocksAt counts what the server was sent over IPv4 to other ports than the guarded one.
func knocksAt(l *lab.Lab, wire *lab.Sniffer) (n int) {
	for _, p := range wire.Packets() {
		if p.Dst.Addr() == l.Server.IP4 && p.Dst.Port() != 22 {
			n++
		}
	}
	return n
}

// awaitWaiters returns when so many processes have a file in dir open, which they do
// while they wait. The test itself, which has the turn, does not count.
func awaitWaiters(t *testing.T, dir string, want int) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		links, err := filepath.Glob("/proc/[0-9]*/fd/*")
		if err != nil {
			t.Fatal(err)
		}
		waiters := make(map[string]bool) // by their number
		for _, link := range links {
			if to, err := os.Readlink(link); err == nil && filepath.Dir(to) == dir {
				waiters[strings.Split(link, "/")[2]] = true
			}
		}
		delete(waiters, strconv.Itoa(os.Getpid()))
		if len(waiters) >= want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d processes wait, want %d", len(waiters), want)
		}
		time.Sleep(10 * time.Millisecond) // nothing tells of a change
	}
}

// TestHolderIsGone kills the process that has its turn at a door. The next one does not
// wait for it.
func TestHolderIsGone(t *testing.T) {
	for _, tt := range []struct {
		name   string
		signal syscall.Signal
		within time.Duration
	}{
		{"killed", syscall.SIGKILL, 5 * time.Second},
		{"stopped", syscall.SIGSTOP, 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			l.Server.Nft(t, silent)
			l.Server.Banner(t, 22)
			wire := l.Client.Sniff(t)
			holder := knockpipe(t, l, "198.51.100.2 22 "+sequence)
			if err := holder.Start(); err != nil {
				t.Fatal(err)
			}
			wire.Await(func(p lab.Packet) bool { return p.Out && p.SYN && p.Dst.Port() == 22 })
			holder.Process.Signal(tt.signal)
			if tt.signal == syscall.SIGKILL {
				holder.Wait()
			}
			l.Server.Nft(t, "delete table inet silent")
			l.Server.NftFile(t, "examples/nftables.conf")
			start := time.Now()
			out, err := knockpipe(t, l, "198.51.100.2 22 "+sequence).CombinedOutput()
			if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
				t.Errorf("got %q, %v, want %q", out, err, want)
			}
			if took := time.Since(start); took > tt.within {
				t.Errorf("in after %v, want at most %v", took, tt.within)
			}
		})
	}
}
