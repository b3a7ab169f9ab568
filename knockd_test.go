//go:build linux

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"knockpipe/internal/lab"
)

// knockd guards port 22 of the lab's server by examples/knockd.conf and the real
// knockd.
func knockd(t testing.TB, l *lab.Lab) {
	t.Helper()
	lab.Need(t, "knockd", "stdbuf")
	conf, err := filepath.Abs("examples/knockd.conf")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	var table []byte // what the file's own sed command prints
	for _, line := range regexp.MustCompile(`(?m)^#\|(.*\n)`).FindAllSubmatch(text, -1) {
		table = append(table, line[1]...)
	}
	l.Server.Nft(t, string(table))
	l.Server.Daemon(t, "listening on eth0", "stdbuf", "-oL", "knockd", "-v", "-c", conf)
}

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
