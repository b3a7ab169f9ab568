//go:build linux

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// sequence is the one of examples/nftables.conf.
const sequence = "12345 23456 34567 45678"

// binary builds knockpipe once, as it is shipped, and returns its path.
func binary(t testing.TB) string {
	t.Helper()
	path, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "knockpipe")
	if err != nil {
		return "", err
	}
	buildDir = dir
	path := filepath.Join(dir, "knockpipe")
	return path, compile(".", path)
})

// compile builds a program as it is shipped, and installs it at path. The kernel caches a
// file in smaller pieces if Go's linker wrote it than if install(1) did, and maps those
// more slowly: the same bytes start up to 0.4 ms later.
func compile(source, path string) error {
	linked := path + ".linked"
	defer os.Remove(linked)
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", linked, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return errors.New(string(out))
	}
	return install(linked, path)
}

// install copies a program. Another process writes it, because what this one has open
// for writing, a child that starts just then has, too, and cannot be run until it ends.
func install(from, to string) error {
	if out, err := exec.Command("install", "-m", "755", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// knockpipe returns the command of that line on the client.
func knockpipe(t testing.TB, l *lab.Lab, line string) *lab.Cmd {
	t.Helper()
	return l.Client.Command(binary(t), strings.Fields(line)...)
}

const silent = `table inet silent {
	chain input {
		type filter hook input priority 0; policy accept;
		tcp dport { 22, 12345, 23456, 34567, 45678 } drop
	}
}`

// someTimes is up to ten, which is what the schedule has for a second, with some time
// to spare.
var someTimes = regexp.MustCompile(`sent ([2-9]|10) times`)

// TestShutDoors has doors that cannot be opened. Each gives one line and its exit code,
// and nothing on stdout.
func TestShutDoors(t *testing.T) {
	tests := []struct {
		name string
		line string
		prep func(t *testing.T, l *lab.Lab)
		code int
		want string // the first line on stderr
	}{
		{"silent", "-w 1 198.51.100.2 22 " + sequence, func(t *testing.T, l *lab.Lab) { l.Server.Nft(t, silent) }, 1,
			"knockpipe: 4 knocks sent N times to 198.51.100.2, port 22 silent for 1s"},
		{"silent, IPv6", "-w 1 2001:db8::2 22 " + sequence, func(t *testing.T, l *lab.Lab) { l.Server.Nft(t, silent) }, 1,
			"knockpipe: 4 knocks sent N times to 2001:db8::2, port 22 silent for 1s"},
		{"wrong sequence", "-w 1 198.51.100.2 22 12345 23456 34567 45679",
			func(t *testing.T, l *lab.Lab) {
				l.Server.NftFile(t, "examples/nftables.conf")
				l.Server.Banner(t, 22)
			}, 1, "knockpipe: 4 knocks sent N times to 198.51.100.2, port 22 refused for 1s"},
		{"no host there", "-w 1 198.51.100.77 22 " + sequence, nil, 1,
			"knockpipe: 4 knocks sent N times to 198.51.100.77, port 22 silent for 1s"},
		{"no route", "203.0.113.77 22 " + sequence, nil, 1,
			"knockpipe: 203.0.113.77: knock 1 of 4 (tcp): network is unreachable"},
		{"no route, no knock", "203.0.113.77 22", nil, 1,
			"knockpipe: 203.0.113.77 port 22: network is unreachable (says this machine)"},
		{"link down", "198.51.100.2 22 " + sequence, func(t *testing.T, l *lab.Lab) { l.Client.LinkDown(t) }, 1,
			"knockpipe: 198.51.100.2: knock 1 of 4 (tcp): network is unreachable"},
		{"silent, no knock", "-w 1 198.51.100.2 22", func(t *testing.T, l *lab.Lab) { l.Server.Nft(t, silent) }, 1,
			"knockpipe: 198.51.100.2 port 22: timed out"},
		{"unknown name", "tango.example.org 22 " + sequence, func(t *testing.T, l *lab.Lab) {
			l.Client.WriteFile(t, "/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
		}, 1, "knockpipe: tango.example.org: name lookup failed"},
		{"only knocks, nowhere to go", "-k 203.0.113.77 22 " + sequence, nil, 1,
			"knockpipe: 203.0.113.77: knock 1 of 4 (tcp): network is unreachable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			if tt.prep != nil {
				tt.prep(t, l)
			}
			cmd := knockpipe(t, l, tt.line)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if code := cmd.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("exit code %v (%v), want %v", code, err, tt.code)
			}
			if tt.code != 0 && len(out) > 0 {
				t.Errorf("stdout got %q, want nothing", out)
			}
			first, _, _ := strings.Cut(stderr.String(), "\n")
			first = someTimes.ReplaceAllString(first, "sent N times") // as many as the machine finds time for
			if !strings.HasPrefix(first, tt.want) || (tt.want == "") != (first == "") {
				t.Errorf("got %q, want %q", first, tt.want)
			}
			for _, port := range strings.Fields(sequence) {
				if strings.Contains(stderr.String(), port) {
					t.Errorf("stderr shows a port of the sequence: %s", &stderr)
				}
			}
		})
	}
}

// TestKnockIsOneSYN looks at the wire: a knock is one SYN or one datagram, and
// the kernel does not send it again.
func TestKnockIsOneSYN(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"198.51.100.2", "2001:db8::2"} {
		l := lab.New(t, lab.Link{Delay: 5 * time.Millisecond})
		l.Server.Nft(t, silent)
		wire := l.Client.Sniff(t)
		if out, err := knockpipe(t, l, "-k "+host+" 22 12345 23456 7000/udp").CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("%v: %s", err, out)
		}
		// The kernel's second SYN would come a second after the first; another
		// program's packets after it show that the time has passed.
		l.Client.Command("nc", "-z", "-w", "2", host, "22").Run()
		var kinds []string
		for _, p := range wire.Packets() {
			if p.Dst.Port() == 22 {
				continue
			}
			kind := p.Proto
			if p.SYN && !p.ACK && !p.RST && !p.FIN {
				kind = "SYN"
			}
			kinds = append(kinds, kind)
			if p.Proto == "udp" && p.Payload != 1 {
				t.Errorf("%s: the datagram has %d bytes, want 1", host, p.Payload)
			}
		}
		if got, want := strings.Join(kinds, " "), "SYN SYN udp"; got != want {
			t.Errorf("%s: the wire saw %v, want %v", host, wire.Packets(), want)
		}
	}
}

// heldBack is less than the 200 ms for which the kernel holds an ACK back.
const heldBack = 190 * time.Millisecond

// checkHandshakes counts the handshakes in the server's kernel, of which each session
// has one. There are two reasons for more, each while knockpipe does not get to run
// and reset a connect that lost: the network repeats its SYN-ACK, and the client's
// kernel answers the second one (RFC 5961, section 4.2), or the time is up for which
// the kernel holds its ACK back. wire is the client's.
func checkHandshakes(t *testing.T, l *lab.Lab, wire *lab.Sniffer, sessions int) {
	t.Helper()
	type connect struct {
		answers      int
		answered     time.Time
		excuse, lost bool
	}
	connects := make(map[netip.AddrPort]*connect)
	of := func(a netip.AddrPort) *connect {
		if connects[a] == nil {
			connects[a] = new(connect)
		}
		return connects[a]
	}
	for _, p := range wire.Packets() {
		switch {
		case p.Proto != "tcp":
		case !p.Out && p.Src.Port() == 22 && p.SYN && p.ACK:
			c := of(p.Dst)
			if c.answers++; c.answers == 1 {
				c.answered = p.Time
			}
		case p.Out && p.Dst.Port() == 22 && p.RST:
			of(p.Src).lost = true
		case p.Out && p.Dst.Port() == 22 && p.ACK:
			c := of(p.Src)
			c.excuse = c.excuse || c.answers > 1 || p.Time.Sub(c.answered) > heldBack
		}
	}
	excused := 0
	for _, c := range connects {
		if c.lost && c.excuse {
			excused++
		}
	}
	if got := l.Server.Handshakes(t); got < sessions || got > sessions+excused {
		t.Errorf("the server's kernel completed %d handshakes, want %d, and %d more are excused", got, sessions, excused)
	}
}

// TestOneHandshake opens the door over links that delay, reorder, lose and
// repeat, and counts the handshakes: never more than one for a session, however
// many connects overlap.
func TestOneHandshake(t *testing.T) {
	t.Parallel()
	links := map[string]lab.Link{
		"clean":     {Delay: 25 * time.Millisecond},
		"jitter":    {Delay: 25 * time.Millisecond, Jitter: 20 * time.Millisecond},
		"loss":      {Delay: 10 * time.Millisecond, Loss: 0.05},
		"duplicate": {Delay: 10 * time.Millisecond, Jitter: 2 * time.Millisecond, Dup: 0.1},
	}
	for name, link := range links {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t, link)
			l.Server.NftFile(t, "examples/nftables.conf")
			l.Server.Banner(t, 22)
			wire := l.Client.Sniff(t)
			const sessions = 20
			for i := range sessions {
				forget(t, l)
				host := []string{"198.51.100.2", "2001:db8::2"}[i%2]
				out, err := knockpipe(t, l, host+" 22 "+sequence).CombinedOutput()
				if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
					t.Errorf("session %d: got %q, %v, want %q", i, out, err, want)
				}
			}
			checkHandshakes(t, l, wire, sessions)
		})
	}
}

// TestLateWaker stops knockpipe while the answers to four of its connects come
// in, as a busy machine may. The kernel has all four handshakes in hand then, and
// must not complete a second one before knockpipe has chosen.
func TestLateWaker(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"198.51.100.2", "2001:db8::2"} {
		l := lab.New(t, lab.Link{Delay: 100 * time.Millisecond})
		l.Server.NftFile(t, "examples/nftables.conf")
		server := l.Server.Banner(t, 22)
		wire := l.Client.Sniff(t)
		cmd := knockpipe(t, l, host+" 22 "+sequence)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Of four different ports; Await may look at a packet more than once.
		four := func(end func(lab.Packet) (netip.AddrPort, bool)) func(lab.Packet) bool {
			ports := make(map[netip.AddrPort]bool)
			return func(p lab.Packet) bool {
				if port, ok := end(p); ok {
					ports[port] = true
				}
				return len(ports) >= 4
			}
		}
		wire.Await(four(func(p lab.Packet) (netip.AddrPort, bool) { return p.Src, p.Out && p.SYN && p.Dst.Port() == 22 }))
		cmd.Process.Signal(syscall.SIGSTOP)
		wire.Await(four(func(p lab.Packet) (netip.AddrPort, bool) {
			return p.Dst, !p.Out && p.SYN && p.ACK && p.Src.Port() == 22
		}))
		cmd.Process.Signal(syscall.SIGCONT)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if got := l.Server.Handshakes(t); got != 1 || server.Accepted() != 1 {
			t.Errorf("%s: the server's kernel completed %d handshakes, and the server accepted %d connections; want 1",
				host, got, server.Accepted())
		}
	}
}

// TestLocalErrors has failures of this machine: no local port or descriptor is left, or
// there is no route. The error says so, and the hint does not blame the host.
func TestLocalErrors(t *testing.T) {
	for _, tt := range []struct{ name, limit, line, want, hint string }{
		{"no port", "", "198.51.100.2 22", "198.51.100.2 port 22: cannot assign requested address (says this machine)", "local ports"},
		{"no port, knock", "", "-w 1 198.51.100.2 22 " + sequence, "port 22 not tried: cannot assign requested address (says this machine) for 1s", "local ports"},
		{"no descriptor", "ulimit -n 9; ", "-w 1 198.51.100.2 2222 " + sequence, "knock 1 of 4 (tcp): too many open files", "ulimit -n"},
		{"no route", "", "203.0.113.77 22", "203.0.113.77 port 22: network is unreachable (says this machine)", "no route"},
		{"no IPv6 route", "", "2001:db8:113::77 22", "2001:db8:113::77 port 22: network is unreachable (says this machine)", "no route"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			l.Server.Banner(t, 22)
			const most = 2
			ports := l.Client.Command("sysctl", "-w", "net.ipv4.ip_local_port_range=40000 40001")
			if out, err := ports.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			for range most {
				conn, err := l.Client.Dial("tcp", "198.51.100.2:22", time.Second)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
			}
			l.Server.Nft(t, "table inet silent { chain input { type filter hook input priority 0; tcp dport 2222 drop; }; }")
			var stderr bytes.Buffer
			cmd := l.Client.Command("sh", "-c", tt.limit+`exec "$0" "$@"`, binary(t))
			cmd.Args = append(cmd.Args, strings.Fields(tt.line)...)
			cmd.Stderr = &stderr
			out, _ := cmd.Output()
			first, hint, _ := strings.Cut(stderr.String(), "\n")
			if len(out) > 0 || !strings.HasSuffix(first, tt.want) || !strings.Contains(hint, tt.hint) {
				t.Errorf("got %q, %q, %q, want %q and a hint about %q", out, first, hint, tt.want, tt.hint)
			}
		})
	}
}
