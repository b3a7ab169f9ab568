//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// dbKnock is the one of examples/knockpipe-db*.
const dbKnock = "51432 14325 43251"

// TestService reaches a service that is not an sshd, with programs that cannot start a
// ProxyCommand: something listens on a local port, and starts a knockpipe for each
// connection, of which the connection is stdin and stdout. The lines of systemd are the
// example's.
func TestService(t *testing.T) {
	t.Parallel()
	lab.Need(t, "socat", "systemd-socket-activate")
	unit := func(name, key string) string {
		text, err := os.ReadFile("examples/" + name)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?m)^` + key + `=(.*)$`).FindSubmatch(text)
		if m == nil {
			t.Fatalf("%s has no %s", name, key)
		}
		return string(m[1])
	}
	listen := unit("knockpipe-db.socket", "ListenStream")
	command := strings.Replace(unit("knockpipe-db@.service", "ExecStart"), "/usr/bin/knockpipe", "knockpipe", 1)
	line := "socat TCP-LISTEN:15432,bind=127.0.0.1,reuseaddr,fork EXEC:'" + command + "',nofork\n"
	if text, err := os.ReadFile(walks); err != nil || !strings.Contains(string(text), line) {
		t.Errorf("%s lacks %q: %v", walks, line, err)
	}
	for name, listener := range map[string][]string{
		"systemd":       append([]string{"systemd-socket-activate", "--accept", "--inetd", "-l", listen}, strings.Fields(command)...),
		"socat":         {"socat", "TCP-LISTEN:15432,bind=127.0.0.1,reuseaddr,fork", "EXEC:" + command},
		"socat, nofork": {"socat", "TCP-LISTEN:15432,bind=127.0.0.1,reuseaddr,fork", "EXEC:" + command + ",nofork"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t, lab.Link{Delay: 5 * time.Millisecond})
			l.Client.WriteFile(t, "/etc/hosts", "198.51.100.2 db.example.org\n")
			l.Server.Nft(t, rulesOf(t, l, "# Knock: "+dbKnock+"\n", "db.example.org", "5432"))
			echo(t, l.Server, 5432)
			home := t.TempDir()
			writeKnock(t, home, "Host db.example.org\n\tKnock "+dbKnock+"\n")
			l.Client.Bind(t, home, "/root")
			path := filepath.Dir(binary(t)) + ":" + os.Getenv("PATH")
			if listener[0] == "systemd-socket-activate" { // it hands nothing of its environment on
				listener = append([]string{listener[0], "-E", "PATH=" + path}, listener[1:]...)
			}
			cmd := l.Client.Command(listener[0], listener[1:]...)
			cmd.Env = append(cmd.Env, "HOME=/root", "PATH="+path)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				cmd.Process.Kill()
				cmd.Wait()
			})
			var together sync.WaitGroup
			for i := range 5 {
				conn := dialSoon(t, l.Client, listen)
				together.Go(func() {
					defer conn.Close()
					conn.SetDeadline(time.Now().Add(20 * time.Second))
					fmt.Fprintf(conn, "query %d\n", i)
					conn.(*net.TCPConn).CloseWrite()
					got, err := io.ReadAll(conn)
					if want := fmt.Sprintf("you said query %d\n", i); err != nil || string(got) != want {
						t.Errorf("got %q, %v, want %q", got, err, want)
					}
				})
			}
			together.Wait()
		})
	}
}

// TestJumpHost reaches a host whose door only its jump host can knock at: knockpipe
// runs there, and its knock stands in the config there.
func TestJumpHost(t *testing.T) {
	t.Parallel()
	l := lab.New(t, lab.Link{Delay: 5 * time.Millisecond})
	l.Server.Sysctl(t, "net.ipv4.ip_forward", "1")
	inner := l.Behind(t)
	jump := l.Server.SSHD(t)
	sshd := inner.SSHD(t)
	inner.Nft(t, rulesOf(t, l, "Host 203.0.113.2\n\tKnock "+dbKnock+"\n", "203.0.113.2", "22"))
	writeKnock(t, jump.Home, "Host 203.0.113.2\n\tKnock "+dbKnock+"\n")
	config := jump.ClientConfig(t, fmt.Sprintf("Host jump\n\tHostName 198.51.100.2\nHost inner\n\tHostName 203.0.113.2\n\tProxyCommand ssh -F %%d/config jump %s %%h %%p\n", binary(t)))
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	// ssh's %d is the home folder; that of this test is where the config is.
	if err := os.WriteFile(config, []byte(strings.Replace(string(text), "%d/config", config, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := l.Client.Command("ssh", "-F", config, "inner", "echo it works").CombinedOutput()
	if err != nil || string(out) != "it works\n" {
		t.Errorf("got %q, %v, want it works", out, err)
	}
	sshd.Await("Connection from ")
	sshd.Settle()
	if got := sshd.Connections(); got != 1 {
		t.Errorf("the inner sshd saw %d connections, want 1:\n%s", got, sshd.Log())
	}
}

// rulesOf is what -rules prints for a host.
func rulesOf(t *testing.T, l *lab.Lab, config, host, port string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return printedRules(t, l, "nftables", path, host, port)
}

// writeKnock makes the side file of a home folder.
func writeKnock(t *testing.T, home, text string) {
	t.Helper()
	dir := filepath.Join(home, ".ssh")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "knock_config"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// echo is a service that repeats its input, to the end.
func echo(t *testing.T, h *lab.Host, port int) {
	t.Helper()
	listener := h.Listen(t, "tcp4", fmt.Sprint(":", port))
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					fmt.Fprintf(conn, "you said %s\n", lines.Text())
				}
			}()
		}
	}()
}

// dialSoon connects to a port on the host that is going to be listened on.
func dialSoon(t *testing.T, h *lab.Host, address string) net.Conn {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := h.Dial("tcp4", address, 5*time.Second)
		if err == nil {
			return conn
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody listens: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // nothing tells when it does
	}
}
