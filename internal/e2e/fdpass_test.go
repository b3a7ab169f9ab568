//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"knockpipe/internal/lab"
)

// TestFdpass lets ssh take the socket. After that, nothing of ours is left.
func TestFdpass(t *testing.T) {
	for name, addr := range map[string]func(*lab.Host) string{
		"IPv4": func(h *lab.Host) string { return h.IP4.String() },
		"IPv6": func(h *lab.Host) string { return h.IP6.String() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			l.Server.NftFile(t, "examples/nftables.conf")
			sshd := l.Server.SSHD(t)
			config := sshd.ClientConfig(t, fmt.Sprintf("Host tango\n\tHostName %s\n\tProxyUseFdpass yes\n\tProxyCommand %s -F %%h %%p %s\n",
				addr(l.Server), binary(t), sequence))
			cmd := l.Client.Command("ssh", "-F", config, "tango", "echo $SSH_CONNECTION; cat")
			stdin, _ := cmd.StdinPipe()
			stdout, _ := cmd.StdoutPipe()
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			out := bufio.NewReader(stdout)
			if line, err := out.ReadString('\n'); err != nil || !strings.HasPrefix(line, clientOf(addr(l.Server))) {
				t.Fatalf("got %q, %v: %s", line, err, &stderr)
			}
			if left := childrenOf(t, cmd.Process.Pid); len(left) > 0 {
				t.Errorf("ssh still has the children %v", left)
			}
			want := bytes.Repeat([]byte("0123456789abcdef"), 1<<20/16)
			go func() {
				defer stdin.Close()
				stdin.Write(want)
			}()
			if got, err := io.ReadAll(out); err != nil || !bytes.Equal(got, want) {
				t.Errorf("got %d bytes back, %v, want %d", len(got), err, len(want))
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v: %s", err, &stderr)
			}
			sshd.Settle()
			if got, preauth := sshd.Connections(), sshd.Preauth(); got != 1 || len(preauth) > 0 {
				t.Errorf("sshd saw %d connections, want 1: %v", got, preauth)
			}
		})
	}
}

// TestFdpassEnds takes the socket as ssh does, by one read of one byte. ssh waits for
// the end of its ProxyCommand before it goes on, so that has to come at once. The
// socket is as ssh would have made it: its reads block.
func TestFdpassEnds(t *testing.T) {
	t.Parallel()
	listener, port := listen(t)
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(pair[0])
	child := os.NewFile(uintptr(pair[1]), "socket")
	cmd := exec.Command(binary(t), "-F", "-f", "none", "127.0.0.1", port, "9")
	cmd.Stdin, cmd.Stdout = child, child
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir(), "XDG_RUNTIME_DIR=")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child.Close()
	buf, oob := make([]byte, 1), make([]byte, syscall.CmsgSpace(4))
	n, oobn, _, _, err := syscall.Recvmsg(pair[0], buf, oob, syscall.MSG_CMSG_CLOEXEC)
	if err != nil || n != 1 {
		t.Fatalf("read %d bytes, %v, want 1", n, err)
	}
	passed := time.Now()
	if err := cmd.Wait(); err != nil || time.Since(passed) > time.Second {
		t.Errorf("it ended after %v, %v, want at once", time.Since(passed), err)
	}
	messages, err := syscall.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		t.Fatalf("got %v, %v, want one message", messages, err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		t.Fatalf("got %v, %v, want one descriptor", fds, err)
	}
	defer syscall.Close(fds[0])
	if flags, err := unix.FcntlInt(uintptr(fds[0]), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("the socket's flags are %#x, %v, want none to keep reads from blocking", flags, err)
	}
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := syscall.Write(fds[0], []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(io.LimitReader(server, 5)); string(got) != "hello" {
		t.Errorf("the server read %q, %v, want %q", got, err, "hello")
	}
}

// TestFdpassFails checks that ssh prints something sensible about a door that stays shut.
func TestFdpassFails(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Server.Nft(t, silent)
	sshd := l.Server.SSHD(t)
	config := sshd.ClientConfig(t, fmt.Sprintf("Host tango\n\tHostName 198.51.100.2\n\tProxyUseFdpass yes\n\tProxyCommand %s -F -w 0.5 %%h %%p %s\n", binary(t), sequence))
	out, err := l.Client.Command("ssh", "-F", config, "tango", "true").CombinedOutput()
	want := "knockpipe: 4 knocks sent "
	if err == nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("got %q, %v, want %q", out, err, want)
	}
}

func clientOf(server string) string {
	if strings.Contains(server, ":") {
		return "2001:db8::1 "
	}
	return "198.51.100.1 "
}

// childrenOf lists the processes whose parent is pid.
func childrenOf(t *testing.T, pid int) []string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + strconv.Itoa(pid) + "/children")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}
