//go:build linux

package e2e

import (
	"bufio"
	"io"
	"syscall"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestStopped stops knockpipe while it opens the door, for longer than the kernel holds
// a handshake back. All connects that were on their way to the open port complete then:
// those of the first round trip.
func TestStopped(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		guard func(t testing.TB, l *lab.Lab)
		most  int // handshakes of a session
	}{
		"nftables": {func(t testing.TB, l *lab.Lab) { l.Server.NftFile(t, "examples/nftables.conf") }, 8}, // 4, on a machine with nothing else to do
		"knockd":   {knockd, 40/5 + 2},                                                                    // one each 5 ms of the round trip
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const sessions = 16
			all := 0
			for i := range sessions {
				l := lab.New(t, lab.Link{Delay: 20 * time.Millisecond})
				tt.guard(t, l)
				l.Server.Banner(t, 22)
				wire := l.Client.Sniff(t)
				cmd := knockpipe(t, l, "198.51.100.2 22 "+sequence)
				stdin, _ := cmd.StdinPipe()
				stdout, _ := cmd.StdoutPipe()
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				wire.Await(func(p lab.Packet) bool { return p.Out && p.SYN })
				time.Sleep(time.Duration(i) * 7 * time.Millisecond) // some moment of the opening
				cmd.Process.Signal(syscall.SIGSTOP)
				time.Sleep(300 * time.Millisecond)
				cmd.Process.Signal(syscall.SIGCONT)
				if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
					t.Errorf("got %q, %v, want a banner", line, err)
				}
				io.WriteString(stdin, "bye\n")
				cmd.Wait()
				got := l.Server.Handshakes(t)
				if all += got; got > tt.most {
					t.Errorf("stopped %d ms after its first knock, it completed %d handshakes, want %d at most", i*7, got, tt.most)
				}
			}
			t.Logf("%d handshakes of %d sessions", all, sessions)
		})
	}
}
