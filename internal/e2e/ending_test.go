//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestSignals sends signals while the door is shut, and during the session. They end
// knockpipe; while the door is shut, they end it like any program. During a session,
// Ctrl-C is for ssh. nohup is honoured.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		signal  syscall.Signal
		session bool
		want    string // what Wait says; empty if it goes on
	}{
		{syscall.SIGINT, false, "signal: interrupt"},
		{syscall.SIGTERM, false, "signal: terminated"},
		{syscall.SIGHUP, false, "signal: hangup"},
		{syscall.SIGINT, true, ""},
	} {
		t.Run(fmt.Sprint(tt.signal, tt.session), func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			if tt.session {
				l.Server.NftFile(t, "examples/nftables.conf")
			} else {
				l.Server.Nft(t, silent)
			}
			l.Server.Banner(t, 22)
			wire := l.Client.Sniff(t)
			cmd := knockpipe(t, l, "198.51.100.2 22 "+sequence)
			stdin, _ := cmd.StdinPipe()
			stdout, _ := cmd.StdoutPipe()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			out := bufio.NewReader(stdout)
			if tt.session {
				if line, err := out.ReadString('\n'); err != nil {
					t.Fatalf("got %q, %v, want a banner", line, err)
				}
			} else {
				wire.Await(func(p lab.Packet) bool { return p.Out && p.SYN && p.Dst.Port() == 22 })
			}
			cmd.Process.Signal(tt.signal)
			if tt.want == "" {
				io.WriteString(stdin, "still here\n") // and the server ends the session
			}
			_, err := io.Copy(io.Discard, out)
			got := ""
			if e := cmd.Wait(); e != nil {
				got = e.Error()
			}
			if got != tt.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// TestSessionSignaled ends sessions by a signal to knockpipe, within a second and in
// order: the server reads the end of the connection, and no error. The pipes stay open
// and nobody uses them, or nobody reads the one that is full.
func TestSessionSignaled(t *testing.T) {
	const within = 1500 * time.Millisecond // a second, on a busy machine
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		for _, full := range []bool{false, true} {
			t.Run(fmt.Sprint(signal, full), func(t *testing.T) {
				t.Parallel()
				cmd, stdin, _, conn := loopbackSession(t)
				io.WriteString(stdin, "first")
				if _, err := io.ReadFull(conn, make([]byte, 5)); err != nil {
					t.Fatal(err)
				}
				if full {
					conn.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
					for err := error(nil); err == nil; {
						_, err = conn.Write(make([]byte, 64<<10))
					}
				}
				io.WriteString(stdin, "last words")
				awaitHearing(t, cmd.Process.Pid)
				start := time.Now()
				cmd.Process.Signal(signal)
				said, err := io.ReadAll(conn)
				if string(said) != "last words" || err != nil {
					t.Errorf("the server read %q, %v, want %q", said, err, "last words")
				}
				conn.Close()
				ended := make(chan error, 1)
				go func() {
					_, err := cmd.Process.Wait()
					ended <- err
				}()
				select {
				case err = <-ended:
				case <-time.After(10 * time.Second):
					t.Fatal("it goes on")
				}
				if took := time.Since(start); took > within || err != nil {
					t.Errorf("it ended after %v, %v, want %v at most", took, err, within)
				}
			})
		}
	}
}

// TestSessionLeft ends ssh's side of sessions whose server does not end its own, as behind
// a link that is dead: knockpipe is gone within a second.
func TestSessionLeft(t *testing.T) {
	const within = 1500 * time.Millisecond // a second, on a busy machine
	for _, tt := range []struct {
		name   string
		signal os.Signal // after the pipes are closed
	}{
		{"pipes", nil},
		{"pipes and a signal, as ssh sends it", syscall.SIGHUP},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd, stdin, stdout, _ := loopbackSession(t)
			awaitHearing(t, cmd.Process.Pid)
			start := time.Now()
			stdin.Close()
			stdout.Close()
			if tt.signal != nil {
				cmd.Process.Signal(tt.signal)
			}
			cmd.Process.Wait()
			if took := time.Since(start); took > within {
				t.Errorf("it ended after %v, want %v at most", took, within)
			}
		})
	}
}

// loopbackSession starts knockpipe without a knock, and returns both ends of its session
// with a server here.
func loopbackSession(t *testing.T) (cmd *exec.Cmd, stdin io.WriteCloser, stdout io.ReadCloser, conn net.Conn) {
	t.Helper()
	listener, port := listen(t)
	cmd = exec.Command(binary(t), "-f", "none", "127.0.0.1", port)
	stdin, _ = cmd.StdinPipe()
	stdout, _ = cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); stdin.Close(); stdout.Close() })
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return cmd, stdin, stdout, conn
}

// listen listens on a free port of the loopback device until the test ends.
func listen(t testing.TB) (listener net.Listener, port string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	return listener, port
}

// awaitHearing waits until a process does not ignore SIGHUP any more, as knockpipe does
// in the first moments of a session.
func awaitHearing(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) { // nothing tells of it
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(status), "SigIgn:")
		var ignored uint64
		if _, err := fmt.Sscanf(after, "%x", &ignored); err != nil {
			t.Fatal(err)
		}
		if ignored&(1<<(syscall.SIGHUP-1)) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("it ignores SIGHUP")
		}
	}
}

// TestNohup starts a session that ignores the end of its terminal. It goes on.
func TestNohup(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Server.Banner(t, 22)
	cmd := l.Client.Command("sh", "-c", "trap '' HUP; exec "+binary(t)+" 198.51.100.2 22")
	stdin, _ := cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(stdout)
	if line, err := out.ReadString('\n'); err != nil {
		t.Fatalf("got %q, %v, want a banner", line, err)
	}
	cmd.Process.Signal(syscall.SIGHUP)
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, out)
		close(ended)
	}()
	select {
	case <-ended:
		t.Error("the session has ended")
	case <-time.After(time.Second): // more than a signal leaves to one
	}
	io.WriteString(stdin, "still here\n") // and the server ends the session
	<-ended
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestSSHKilled kills a real ssh, which then closes nothing itself. knockpipe ends
// with it, and with it the connection.
func TestSSHKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, ip4)
	cmd := s.Client.Command("ssh", "-F", s.config, "tango", "echo ready; cat")
	stdin, _ := cmd.StdinPipe()
	defer stdin.Close()
	stdout, _ := cmd.StdoutPipe()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatalf("got %q, %v: %s", line, err, &stderr)
	}
	cmd.Process.Kill()
	cmd.Wait() // until stderr, which knockpipe has too, is closed
	s.sshd.Settle()
	if stderr.Len() > 0 {
		t.Errorf("stderr got %q, want nothing", &stderr)
	}
}

// TestHalfOpen makes the server disappear without a packet. The kernel's keepalive ends
// the session, here after seconds instead of its two hours.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	for key, value := range map[string]string{"time": "1", "intvl": "1", "probes": "2"} {
		l.Client.Sysctl(t, "net.ipv4.tcp_keepalive_"+key, value)
	}
	l.Server.NftFile(t, "examples/nftables.conf")
	l.Server.Banner(t, 22)
	cmd := knockpipe(t, l, "198.51.100.2 22 "+sequence)
	stdin, _ := cmd.StdinPipe()
	defer stdin.Close()
	stdout, _ := cmd.StdoutPipe()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatalf("got %q, %v: %s", line, err, &stderr)
	}
	l.Server.Nft(t, "table inet gone { chain input { type filter hook input priority -300; drop; }; }")
	cmd.Wait()
	want := "knockpipe: 198.51.100.2 port 22: connection timed out\n"
	if got := stderr.String(); got != want || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("got %q, exit %d, want %q, exit 1", got, cmd.ProcessState.ExitCode(), want)
	}
}

// TestStalledReader has one side write a gigabyte while the other reads nothing for a
// while: the writer gets stuck at what the kernel's buffers hold, knockpipe's memory
// stays flat, and then all of it comes through.
func TestStalledReader(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipping, -short leaves the gigabytes out")
	}
	const size, block = 1 << 30, 1 << 20
	for _, up := range []bool{false, true} {
		t.Run(map[bool]string{false: "down", true: "up"}[up], func(t *testing.T) {
			cmd, stdin, stdout, conn := loopbackSession(t)
			from, to := io.WriteCloser(conn), io.Reader(stdout)
			if up {
				from, to = stdin, conn
			}
			var written atomic.Int64
			go func() {
				defer from.Close()
				data := make([]byte, block)
				for range size / block {
					n, err := from.Write(data)
					if written.Add(int64(n)); err != nil {
						return
					}
				}
			}()
			stuck := int64(-1)
			for stuck != written.Load() { // nothing tells of it: no progress for a while is the sign
				stuck = written.Load()
				time.Sleep(200 * time.Millisecond)
			}
			if most := int64(64 << 20); stuck > most {
				t.Errorf("%d bytes went through to nobody, want at most %d", stuck, most)
			}
			n, err := io.Copy(io.Discard, struct{ io.Reader }{to})
			if err != nil || n != size {
				t.Errorf("%d bytes came through, %v, want %d", n, err, size)
			}
			if got, most := resident(t, cmd.Process.Pid), 16<<10; got > most {
				t.Errorf("%d kB were resident, want at most %d", got, most)
			}
			conn.Close()
			stdin.Close()
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}
