//go:build linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// onceDoor is knockd with a one-time list, and the client's copy of the list.
func onceDoor(t *testing.T, l *lab.Lab, sequences string) (client, server string) {
	t.Helper()
	dir := t.TempDir()
	client, server = filepath.Join(dir, "client"), filepath.Join(dir, "server")
	if out, err := knockpipe(t, l, "-once "+sequences+" "+client).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("-once: %v: %s", err, out)
	}
	text, err := os.ReadFile(client)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(server, text, 0o600); err != nil {
		t.Fatal(err)
	}
	runKnockd(t, l, "examples/knockd.conf", func(conf string) string {
		return strings.Replace(conf, "sequence = 12345,23456,34567,45678", "one_time_sequences = "+server, 1)
	})
	l.Server.Banner(t, 22)
	return client, server
}

// TestOnce opens the real knockd with a list over several sessions in a row. Both
// sides strike out the same sequences.
func TestOnce(t *testing.T) {
	t.Parallel()
	l := lab.New(t, lab.Link{Delay: 10 * time.Millisecond})
	client, server := onceDoor(t, l, "8")
	for session := range 7 {
		shutKnockd(t, l)
		cmd := knockpipe(t, l, "198.51.100.2 22 once:"+client)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
			t.Fatalf("session %d: got %q, %v, want %q: %s", session, out, err, want, &stderr)
		}
		c, _ := os.ReadFile(client)
		s, _ := os.ReadFile(server)
		if !bytes.Equal(c, s) || strings.Count(string(c), "\n#") != session+2 {
			t.Errorf("session %d: the client has\n%s\nthe server has\n%s", session, c, s)
		}
		want := ""
		switch session {
		case 2:
			want = "5 sequences are left"
		case 6:
			want = "1 sequence is left, and knockd 0.8 dies"
		}
		if got := stderr.String(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("session %d: stderr got %q, want %q", session, got, want)
		}
	}
}

// TestOnceCrash kills knockpipe after the server's stroke and before its own. The
// next session finds out, and both agree again.
func TestOnceCrash(t *testing.T) {
	l := lab.New(t, lab.Link{Delay: 100 * time.Millisecond})
	client, server := onceDoor(t, l, "9")
	before, _ := os.ReadFile(server)
	cmd := knockpipe(t, l, "198.51.100.2 22 once:"+client)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	struck := func() bool {
		now, _ := os.ReadFile(server)
		return !bytes.Equal(now, before)
	}
	for deadline := time.Now().Add(5 * time.Second); !struck(); {
		if time.Now().After(deadline) {
			t.Fatal("knockd has not opened")
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	if now, _ := os.ReadFile(client); !bytes.Equal(now, before) {
		t.Fatal("the client has struck as well: it was killed too late")
	}
	shutKnockd(t, l)
	out, err := knockpipe(t, l, "198.51.100.2 22 once:"+client).CombinedOutput()
	if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
		t.Fatalf("got %q, %v, want %q", out, err, want)
	}
	c, _ := os.ReadFile(client)
	s, _ := os.ReadFile(server)
	if !bytes.Equal(c, s) {
		t.Errorf("the client has\n%s\nthe server has\n%s", c, s)
	}
}
