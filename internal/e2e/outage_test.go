//go:build linux

package e2e

import (
	"bytes"
	"net"
	"regexp"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// nameServer answers for every name on the client's own address 127.0.0.53 that it
// is 198.51.100.2, from the nth question on. It returns the number of questions
// so far.
func nameServer(t *testing.T, l *lab.Lab, from int64) *atomic.Int64 {
	t.Helper()
	var conn net.PacketConn
	var err error
	l.Client.Do(func() { conn, err = net.ListenPacket("udp4", "127.0.0.53:53") })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	questions := new(atomic.Int64)
	go func() {
		buf := make([]byte, 512)
		for {
			n, client, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if end := bytes.IndexByte(buf[12:n], 0) + 12 + 5; questions.Add(1) >= from && end <= n {
				conn.WriteTo(dnsAnswer(buf[:end]), client)
			}
		}
	}()
	return questions
}

// dnsAnswer answers a question (RFC 1035, section 4) for the type A by
// 198.51.100.2, and that there is nothing for all others.
func dnsAnswer(question []byte) []byte {
	answer := bytes.Clone(question)
	copy(answer[2:12], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
	if question[len(question)-3] == 1 {
		answer[7] = 1
		answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, 2)
	}
	return answer
}

// TestResolver opens the door where the lookup of the name goes wrong first.
func TestResolver(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, resolv string
		from         int64 // the first question that is answered
		want         string
		fails        bool
	}{
		{"never answers", "nameserver 127.0.0.53\n", 1 << 40, `^knockpipe: tango\.example\.org: name lookup timed out\n$`, true},
		{"answers the second time", "nameserver 127.0.0.53\noptions timeout:1\n", 3, `^SSH-2\.0-bench\r\n$`, false},
		{"the first server is dead", "nameserver 198.51.100.77\nnameserver 127.0.0.53\noptions timeout:1\n", 1, `^SSH-2\.0-bench\r\n$`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			l.Server.NftFile(t, "examples/nftables.conf")
			l.Server.Banner(t, 22)
			l.Client.WriteFile(t, "/etc/resolv.conf", tt.resolv)
			questions := nameServer(t, l, tt.from)
			cmd := knockpipe(t, l, "-w 4 tango.example.org 22 "+sequence)
			out, err := cmd.CombinedOutput()
			if !regexp.MustCompile(tt.want).Match(out) || (err != nil) != tt.fails {
				t.Errorf("got %q, %v, want %s", out, err, tt.want)
			}
			if questions.Load() == 0 {
				t.Error("the name server was not asked")
			}
		})
	}
}

// TestLinkComesBack takes the link away while the door is shut, and gives it back.
func TestLinkComesBack(t *testing.T) {
	for _, addr := range []string{"198.51.100.2", "2001:db8::2"} {
		t.Run(addr, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			l.Server.Nft(t, silent)
			l.Server.Banner(t, 22)
			wire := l.Client.Sniff(t)
			cmd := knockpipe(t, l, "-v "+addr+" 22 "+sequence)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			connects := func(p lab.Packet) bool { return p.Out && p.SYN && p.Dst.Port() == 22 }
			wire.Await(connects)
			l.Client.LinkDown(t)
			l.Server.Nft(t, "delete table inet silent")
			l.Server.NftFile(t, "examples/nftables.conf")
			l.Client.LinkUp(t)
			if want := "SSH-2.0-bench\r\n"; cmd.Wait() != nil || stdout.String() != want {
				t.Errorf("got %q, want %q\n%s", &stdout, want, &stderr)
			}
		})
	}
}

// TestAsleep stops knockpipe beyond its deadline, as a laptop's sleep does: the
// time is up when it wakes, and it says so.
func TestAsleep(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Server.Nft(t, silent)
	wire := l.Client.Sniff(t)
	cmd := knockpipe(t, l, "-w 0.2 198.51.100.2 22 "+sequence)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wire.Await(func(p lab.Packet) bool { return p.Out && p.SYN && p.Dst.Port() == 22 })
	cmd.Process.Signal(syscall.SIGSTOP)
	time.Sleep(300 * time.Millisecond) // not to wait for something, but to be late
	cmd.Process.Signal(syscall.SIGCONT)
	cmd.Wait()
	if got, want := cmd.ProcessState.ExitCode(), 1; got != want {
		t.Errorf("exit code %v, want %v", got, want)
	}
	if want := `^knockpipe: 4 knocks sent .* to 198\.51\.100\.2, port 22 silent for `; !regexp.MustCompile(want).Match(stderr.Bytes()) {
		t.Errorf("got %q, want %s", &stderr, want)
	}
}
