//go:build linux

package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"knockpipe/internal/lab"
)

// A site is a real sshd behind examples/nftables.conf and a client that reaches
// it as tango, through knockpipe, over one version of IP.
type site struct {
	*lab.Lab
	sshd   *lab.SSHD
	addr   netip.Addr
	config string // the client's ssh_config
	dir    string // for the client's files
}

func newSite(t *testing.T, addr func(*lab.Host) netip.Addr, extra ...string) *site {
	t.Helper()
	s := &site{Lab: lab.New(t), dir: t.TempDir()}
	s.Server.NftFile(t, "examples/nftables.conf")
	s.sshd = s.Server.SSHD(t)
	s.addr = addr(s.Server)
	s.config = s.sshd.ClientConfig(t, fmt.Sprintf(`
Host tango
	HostName %v
	ProxyCommand %s %%h %%p %s
%s`, s.addr, binary(t), sequence, strings.Join(extra, "")))
	return s
}

func ip4(h *lab.Host) netip.Addr { return h.IP4 }
func ip6(h *lab.Host) netip.Addr { return h.IP6 }

// run runs a program on a host and returns its stdout; a failure ends the test.
func (s *site) run(t *testing.T, host *lab.Host, stdin io.Reader, name string, args ...string) string {
	t.Helper()
	cmd := host.Command(name, args...)
	cmd.Dir = s.dir
	cmd.Stdin = stdin
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(cmd.Env, "GIT_SSH_COMMAND=ssh -F "+s.config, "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s\nsshd's log:\n%s", name, strings.Join(args, " "), err, stdout.Bytes(), stderr.Bytes(), s.sshd.Log())
	}
	if stderr.Len() > 0 {
		t.Errorf("%s %s wrote to stderr: %s", name, strings.Join(args, " "), stderr.Bytes())
	}
	return stdout.String()
}

func (s *site) client(t *testing.T, name string, args ...string) string {
	t.Helper()
	return s.run(t, s.Client, nil, name, args...)
}

// file makes a file of random bytes in the site's folder.
func (s *site) file(t *testing.T, name string, size int) {
	t.Helper()
	data := make([]byte, size)
	random := rand.NewChaCha8([32]byte{byte(size)})
	random.Read(data)
	if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// same checks that two files of the site's folder hold the same bytes.
func (s *site) same(t *testing.T, a, b string) {
	t.Helper()
	var sums [2][sha256.Size]byte
	for i, name := range []string{a, b} {
		data, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		sums[i] = sha256.Sum256(data)
	}
	if sums[0] != sums[1] {
		t.Errorf("%s and %s differ", a, b)
	}
}

const fiftyMB = 50 << 20

// sessions are the programs that go through knockpipe. Client and server share
// the site's folder, so a path means the same file on both sides.
var sessions = []struct {
	name        string
	connections int
	run         func(t *testing.T, s *site)
	others      int // handshakes on the server that have nothing to do with us
}{
	{"ssh", 1, func(t *testing.T, s *site) {
		if got := s.client(t, "ssh", "-F", s.config, "tango", "echo hello"); got != "hello\n" {
			t.Errorf("got %q, want %q", got, "hello\n")
		}
	}, 0},
	{"pty", 1, func(t *testing.T, s *site) {
		cmd := s.Client.Command("ssh", "-tt", "-F", s.config, "tango")
		pty := cmd.StartPty(t)
		io.WriteString(pty, "stty -echo; echo on $(tty) with $((6 * 7)); exit\n")
		out, _ := io.ReadAll(pty) // a terminal's end is an error
		if err := cmd.Wait(); err != nil {
			t.Errorf("ssh: %v", err)
		}
		if !strings.Contains(string(out), "on /dev/pts/") || !strings.Contains(string(out), "with 42") {
			t.Errorf("the terminal showed %q", out)
		}
	}, 0},
	{"scp", 2, func(t *testing.T, s *site) {
		s.client(t, "scp", "-q", "-F", s.config, "data", "tango:"+s.dir+"/up")
		forget(t, s.Lab)
		s.client(t, "scp", "-q", "-F", s.config, "tango:"+s.dir+"/data", "down")
		s.same(t, "data", "up")
		s.same(t, "data", "down")
	}, 0},
	{"sftp", 1, func(t *testing.T, s *site) {
		batch := strings.NewReader(fmt.Sprintf("put data %s/up\nget %s/data down\n", s.dir, s.dir))
		s.run(t, s.Client, batch, "sftp", "-q", "-b", "-", "-F", s.config, "tango")
		s.same(t, "data", "up")
		s.same(t, "data", "down")
	}, 0},
	{"rsync", 2, func(t *testing.T, s *site) {
		s.client(t, "rsync", "-e", "ssh -F "+s.config, "data", "tango:"+s.dir+"/up")
		forget(t, s.Lab)
		s.client(t, "rsync", "-e", "ssh -F "+s.config, "tango:"+s.dir+"/data", "down")
		s.same(t, "data", "up")
		s.same(t, "data", "down")
	}, 0},
	{"git", 3, func(t *testing.T, s *site) {
		git := func(args ...string) string { return s.client(t, "git", args...) }
		git("init", "-q", "-b", "main", "origin")
		git("-C", "origin", "config", "receive.denyCurrentBranch", "ignore")
		commit := func(repo string) {
			s.file(t, repo+"/file", 1<<20)
			git("-C", repo, "add", "file")
			git("-C", repo, "commit", "-q", "--allow-empty", "-m", "a change in "+repo)
		}
		commit("origin")
		git("clone", "-q", "tango:"+s.dir+"/origin", "clone")
		s.same(t, "origin/file", "clone/file")
		commit("clone")
		forget(t, s.Lab)
		git("-C", "clone", "push", "-q", "origin", "main")
		commit("origin")
		forget(t, s.Lab)
		git("-C", "clone", "fetch", "-q")
		if got, want := git("-C", "clone", "rev-parse", "origin/main"), git("-C", "origin", "rev-parse", "main"); got != want {
			t.Errorf("fetched %s, want %s", got, want)
		}
	}, 0},
	{"master", 1, func(t *testing.T, s *site) {
		// Not in s.dir: a socket's path has at most 107 bytes.
		dir, err := os.MkdirTemp("/tmp", "kp")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		control := []string{"-F", s.config, "-S", dir + "/s"}
		s.client(t, "ssh", append(control, "-fN", "-M", "-o", "ControlPersist=yes", "tango")...)
		for i := range 3 {
			if got, want := s.client(t, "ssh", append(control, "tango", fmt.Sprint("echo ", i))...), fmt.Sprintln(i); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		s.client(t, "ssh", append(control, "-q", "-O", "exit", "tango")...)
	}, 0},
	{"ssh -W", 1, func(t *testing.T, s *site) {
		s.Server.Banner(t, 7777)
		const want = "SSH-2.0-bench\r\n"
		if got := s.client(t, "ssh", "-F", s.config, "-W", "127.0.0.1:7777", "tango"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}, 1},
	{"thirty in a row", 30, func(t *testing.T, s *site) {
		for i := range 30 {
			if got, want := s.client(t, "ssh", "-F", s.config, "tango", fmt.Sprint("echo ", i)), fmt.Sprintln(i); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}, 0},
}

// TestSessions runs each program through a real firewall to a real sshd: the
// bytes are right, and sshd saw the sessions and nothing else.
func TestSessions(t *testing.T) {
	t.Parallel()
	for _, family := range []struct {
		name string
		addr func(*lab.Host) netip.Addr
	}{{"IPv4", ip4}, {"IPv6", ip6}} {
		t.Run(family.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, family.addr)
			s.file(t, "data", fiftyMB)
			for _, tt := range sessions {
				t.Run(tt.name, func(t *testing.T) {
					forget(t, s.Lab)
					before, handshakes := s.sshd.Connections(), s.Server.Handshakes(t)
					tt.run(t, s)
					s.sshd.Settle()
					if got := s.sshd.Connections() - before; got != tt.connections {
						t.Errorf("sshd saw %d connections, want %d:\n%s", got, tt.connections, s.sshd.Log())
					}
					// What sshd did not get to see would be here.
					if got := s.Server.Handshakes(t) - handshakes - tt.others; got != tt.connections {
						t.Errorf("the server's kernel saw %d handshakes, want %d", got, tt.connections)
					}
					for _, line := range s.sshd.Preauth() {
						t.Errorf("sshd logged a connection that did not log in: %s", line)
					}
				})
			}
		})
	}
}

// TestBastion reaches a host that only a knocked one can reach.
func TestBastion(t *testing.T) {
	t.Parallel()
	for _, family := range []func(*lab.Host) netip.Addr{ip4, ip6} {
		l := lab.New(t)
		behind := l.Behind(t)
		l.Server.NftFile(t, "examples/nftables.conf")
		bastion, target := l.Server.SSHD(t), behind.SSHD(t)
		config := bastion.ClientConfig(t, fmt.Sprintf(`
Host bastion
	HostName %v
	ProxyCommand %s %%h %%p %s
Host target
	HostName %v
	ProxyJump bastion
`, family(l.Server), binary(t), sequence, family(behind)))
		out, err := l.Client.Command("ssh", "-F", config, "target", "echo $SSH_CONNECTION").CombinedOutput()
		if err != nil || !strings.Contains(string(out), family(behind).String()) {
			t.Errorf("got %q, %v, want a connection to %v", out, err, family(behind))
		}
		for name, sshd := range map[string]*lab.SSHD{"bastion": bastion, "target": target} {
			sshd.Settle()
			if n := sshd.Connections(); n != 1 || len(sshd.Preauth()) > 0 {
				t.Errorf("the %s's sshd saw %d connections, %q, want 1 that logged in", name, n, sshd.Preauth())
			}
		}
	}
}
