//go:build linux

package e2e

import (
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestKnockd opens a door that the real knockd guards by examples/knockd.conf.
// It opens late, and counts what comes too often or in the wrong order.
func TestKnockd(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"198.51.100.2", "2001:db8::2"} {
		l := lab.New(t)
		knockd(t, l)
		l.Server.Banner(t, 22)
		out, err := knockpipe(t, l, host+" 22 "+sequence).CombinedOutput()
		if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
			t.Errorf("%s: got %q, %v, want %q", host, out, err, want)
		}
		if got := l.Server.Handshakes(t); got != 1 {
			t.Errorf("%s: the server's kernel completed %d handshakes, want 1", host, got)
		}
	}
}

// TestKnockdUDP mixes protocols, as knockd's own manual does.
func TestKnockdUDP(t *testing.T) {
	t.Parallel()
	l := lab.New(t, lab.Link{Delay: 10 * time.Millisecond})
	runKnockd(t, l, "examples/knockd.conf", func(conf string) string {
		return strings.Replace(conf, "sequence = 12345,23456,34567,45678", "sequence = 7000:udp,8000:tcp,9000:udp", 1)
	})
	l.Server.Banner(t, 22)
	out, err := knockpipe(t, l, "198.51.100.2 22 7000:udp,8000:tcp,9000:udp").CombinedOutput()
	if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
		t.Errorf("got %q, %v, want %q", out, err, want)
	}
}
