//go:build linux

package main

import (
	"testing"

	"knockpipe/internal/lab"
)

// TestKnockd opens a door that the real knockd guards by examples/knockd.conf.
// It opens late, and counts what comes too often or in the wrong order.
func TestKnockd(t *testing.T) {
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
