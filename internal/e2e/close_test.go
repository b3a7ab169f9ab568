//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestKnockClose shuts the door when the session ends, in any way, and whatever was half
// done at knockd by then: the port often answers before the last try is complete.
func TestKnockClose(t *testing.T) {
	t.Parallel()
	say := func(line string) func(*session) {
		return func(s *session) { io.WriteString(s.stdin, line+"\n") }
	}
	for _, tt := range []struct {
		name string
		end  func(s *session)
		code int
	}{
		{"stdin ends", func(s *session) { s.stdin.Close() }, 0},
		{"server ends", say("bye"), 0},
		{"server resets", say("reset"), 1},
		{"reader is gone", func(s *session) { s.stdout.Close() }, 1},
		{"hangup", func(s *session) { s.Process.Signal(syscall.SIGHUP) }, 0},
		{"terminate", func(s *session) { s.Process.Signal(syscall.SIGTERM) }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			mirroredKnockd(t, l)
			go serveOne(l.Server.Listen(t, "tcp4", ":22"))
			config := t.TempDir() + "/knock_config"
			text := "Knock " + sequence + "\nKnockClose 45678 34567 23456 12345\n"
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			s := &session{Cmd: knockpipe(t, l, "-v -f "+config+" 198.51.100.2 22")}
			s.stdin, _ = s.StdinPipe()
			s.stdout, _ = s.StdoutPipe()
			var stderr bytes.Buffer
			s.Stderr = &stderr
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			out := bufio.NewReader(s.stdout)
			if line, err := out.ReadString('\n'); err != nil {
				t.Fatalf("got %q, %v: %s", line, err, &stderr)
			}
			// Whatever is half done, two of the second knock end it. Then two knocks
			// of four are.
			half := l.Client.Command("knock", "-d", "20", "198.51.100.2", "23456", "23456", "12345", "23456")
			if out, err := half.CombinedOutput(); err != nil {
				t.Fatalf("knock: %v: %s", err, out)
			}
			tt.end(s)
			io.Copy(io.Discard, out)
			s.Wait()
			if got := s.ProcessState.ExitCode(); got != tt.code {
				t.Errorf("exit code %d (%v), want %d: %s", got, s.ProcessState, tt.code, &stderr)
			}
			if want := "closing sequence sent to 198.51.100.2"; !strings.Contains(stderr.String(), want) {
				t.Errorf("got %q, want %q", &stderr, want)
			}
			for deadline := time.Now().Add(5 * time.Second); ; {
				set, err := l.Server.Command("nft", "list", "set", "inet", "knockpipe_22", "clients4").Output()
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Contains(set, []byte("198.51.100.1")) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the door is still open:\n%s\n%s", set, &stderr)
				}
			}
		})
	}
}

// A session is a knockpipe in the middle of one.
type session struct {
	*lab.Cmd
	stdin  io.WriteCloser
	stdout io.ReadCloser
}

// serveOne greets one connection and ends it after a line: by a reset if the line
// asks for it.
func serveOne(listener net.Listener) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "SSH-2.0-bench\r\n")
	if line, _ := bufio.NewReader(conn).ReadString('\n'); line == "reset\n" {
		conn.(*net.TCPConn).SetLinger(0)
	}
}
