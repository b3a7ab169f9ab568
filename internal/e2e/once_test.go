//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// onceDoor is a server behind knockd with a one-time list, and the client's copy of
// the list.
func onceDoor(t *testing.T, l *lab.Lab, sequences string) (client, server string) {
	t.Helper()
	l.Server.Banner(t, 22)
	return onceKnockd(t, l, sequences)
}

// onceKnockd is onceDoor without a server.
func onceKnockd(t *testing.T, l *lab.Lab, sequences string) (client, server string) {
	t.Helper()
	return onceList(t, l, sequences, func(conf string) string { return conf })
}

// onceList is onceKnockd with a change to knockd's config.
func onceList(t *testing.T, l *lab.Lab, sequences string, edit func(string) string) (client, server string) {
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
		return edit(strings.Replace(conf, "sequence = 12345,23456,34567,45678", "one_time_sequences = "+server, 1))
	})
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
			want = "1 sequence is left, and knockd 0.8 crashes"
		}
		if got := stderr.String(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("session %d: stderr got %q, want %q", session, got, want)
		}
	}
}

// TestOnceCrash kills knockpipe after the server's stroke and before its own. The
// next session finds out, and both agree again.
func TestOnceCrash(t *testing.T) {
	t.Parallel()
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
	for deadline := time.Now().Add(20 * time.Second); !struck(); {
		if time.Now().After(deadline) {
			t.Fatal("knockd has not opened")
		}
		time.Sleep(time.Millisecond) // nothing tells of a change; the answer takes 100 times as long
	}
	cmd.Process.Kill()
	cmd.Wait()
	if now, _ := os.ReadFile(client); bytes.Count(now, []byte("\n#")) != bytes.Count(before, []byte("\n#")) {
		t.Fatal("the client has struck as well: it was killed too late")
	}
	shutKnockd(t, l)
	out, err := knockpipe(t, l, "198.51.100.2 22 once:"+client).CombinedOutput()
	if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
		t.Fatalf("got %q, %v, want %q", out, err, want)
	}
	agree(t, client, server)
}

// agree compares which sequences the two sides have struck.
func agree(t *testing.T, client, server string) {
	t.Helper()
	c, _ := os.ReadFile(client)
	s, _ := os.ReadFile(server)
	if !bytes.Equal(bytes.ReplaceAll(c, []byte("\t"), []byte(" ")), s) {
		t.Errorf("the client has\n%s\nthe server has\n%s", c, s)
	}
}

// TestOnceWithoutSSHD knocks while sshd does not run, and again, and again: the
// server uses up sequences that the client does not see to open anything. The first
// session after that finds the server's place.
func TestOnceWithoutSSHD(t *testing.T) {
	t.Parallel()
	l := lab.New(t, lab.Link{Delay: 10 * time.Millisecond})
	client, server := onceKnockd(t, l, "20")
	for range 3 {
		shutKnockd(t, l)
		if out, err := knockpipe(t, l, "-w 4 198.51.100.2 22 once:"+client).CombinedOutput(); err == nil {
			t.Fatalf("got %q, want a failure", out)
		}
	}
	if text, _ := os.ReadFile(server); bytes.Count(text, []byte("\n#")) < 3 { // one is of the comment
		t.Fatalf("the server has used up too little for this test:\n%s", text)
	}
	shutKnockd(t, l)
	l.Server.Banner(t, 22)
	for range 2 {
		out, err := knockpipe(t, l, "198.51.100.2 22 once:"+client).CombinedOutput()
		if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
			c, _ := os.ReadFile(client)
			s, _ := os.ReadFile(server)
			t.Fatalf("got %q, %v, want %q\nthe client has\n%s\nthe server has\n%s", out, err, want, c, s)
		}
		agree(t, client, server)
		shutKnockd(t, l)
	}
}

// TestOnceCheck checks that -check spends nothing unless the list is given on the command
// line.
func TestOnceCheck(t *testing.T) {
	t.Parallel()
	l := lab.New(t, lab.Link{Delay: 10 * time.Millisecond})
	client, server := onceKnockd(t, l, "9")
	sshd := l.Server.SSHD(t)
	list, _ := os.ReadFile(client)
	config := sshd.ClientConfig(t, "Host tango\n\tHostName 198.51.100.2\n\t# Knock: once:"+client+"\n\tProxyCommand knockpipe %h %p\n")
	wire := l.Server.Sniff(t)
	out, err := knockpipe(t, l, "-check -f "+config+" tango").CombinedOutput()
	for _, want := range []string{
		"ok    198.51.100.2 port 22 is shut: ",
		"ok    once:" + client + ": 9 sequences left\n",
		"warn  did not knock, because that would use up a sequence of the list\n      to knock anyway: knockpipe -check tango 22 once:" + client + "\n",
	} {
		if !strings.Contains(string(out), want) || err != nil {
			t.Errorf("got %v, %s\nwant %q", err, out, want)
		}
	}
	for _, p := range wire.Packets() {
		if p.Dst.Addr() == l.Server.IP4 && p.Dst.Port() != 22 {
			t.Errorf("the report has sent %v", p)
		}
	}
	if now, _ := os.ReadFile(client); !bytes.Equal(now, list) {
		t.Errorf("the list is now\n%s", now)
	}
	if out, err := knockpipe(t, l, "-check -f "+config+" tango 22 once:"+client).CombinedOutput(); err != nil || !strings.Contains(string(out), "opened") {
		t.Errorf("got %v, %s", err, out)
	}
	agree(t, client, server)
}

// TestOnceTogether lets two processes use one list at the same time.
func TestOnceTogether(t *testing.T) {
	t.Parallel()
	l := lab.New(t, lab.Link{Delay: 10 * time.Millisecond})
	client, server := onceDoor(t, l, "9")
	for range 4 {
		shutKnockd(t, l)
		var processes sync.WaitGroup
		for range 2 {
			cmd := knockpipe(t, l, "198.51.100.2 22 once:"+client)
			processes.Go(func() {
				out, err := cmd.CombinedOutput()
				if want := "SSH-2.0-bench\r\n"; err != nil || !strings.HasSuffix(string(out), want) {
					t.Errorf("got %q, %v, want %q", out, err, want)
				}
			})
		}
		processes.Wait()
		agree(t, client, server)
	}
}

// TestOnceKill ends knockpipe by the signal that nothing survives at its writes to
// the list: before it sends, or in the middle of striking. Afterwards the list has
// its length, and the next session finds its way.
func TestOnceKill(t *testing.T) {
	t.Parallel()
	lab.Need(t, "strace")
	l := lab.New(t, lab.Link{Delay: 10 * time.Millisecond})
	client, server := onceDoor(t, l, "20")
	whole, _ := os.ReadFile(client)
	for i, write := range []int{1, 2, 2, 2} { // counted by each thread
		shutKnockd(t, l)
		out, err := l.Client.Command("strace", "-f", "-qq", "-o", os.DevNull, "-e", "trace=pwrite64",
			"-e", fmt.Sprintf("inject=pwrite64:signal=KILL:when=%d", write), binary(t), "198.51.100.2", "22", "once:"+client).CombinedOutput()
		if err == nil && write == 1 {
			t.Fatalf("not killed: %s", out)
		}
		if now, _ := os.ReadFile(client); len(now) != len(whole) {
			t.Fatalf("the list has %d bytes, want %d", len(now), len(whole))
		}
		shutKnockd(t, l)
		out, err = knockpipe(t, l, "198.51.100.2 22 once:"+client).CombinedOutput()
		if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
			t.Fatalf("round %d: got %q, %v, want %q", i, out, err, want)
		}
		agree(t, client, server)
	}
}

// TestOnceHalfStruck begins with what a crash leaves at each stage of a session with
// a server that is one ahead: of the two sequences, the server has struck both.
func TestOnceHalfStruck(t *testing.T) {
	t.Parallel()
	const rest = " 7400,7300,7200,7100\n 8400,8300,8200,8100\n"
	for _, list := range []string{
		"\t5400,5300,5200,5100\n\t6400,6300,6200,6100\n",
		"#5400,5300,5200,5100\n\t6400,6300,6200,6100\n",
		"#5400,5300,5200,5100\n#6400,6300,6200,6100\n",
	} {
		l := lab.New(t, lab.Link{Delay: 10 * time.Millisecond})
		dir := t.TempDir()
		client, server := filepath.Join(dir, "client"), filepath.Join(dir, "server")
		for path, text := range map[string]string{client: list + rest, server: "#5400,5300,5200,5100\n#6400,6300,6200,6100\n" + rest} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		runKnockd(t, l, "examples/knockd.conf", func(conf string) string {
			return strings.Replace(conf, "sequence = 12345,23456,34567,45678", "one_time_sequences = "+server, 1)
		})
		l.Server.Banner(t, 22)
		out, err := knockpipe(t, l, "198.51.100.2 22 once:"+client).Output()
		if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
			t.Errorf("%q: got %q, %v, want %q", list, out, err, want)
		}
		agree(t, client, server)
	}
}

// TestOnceOfMany lets a dozen processes share one list, at a door that takes five seconds
// to open. The one that has the list has the turn, and the others get in with it.
func TestOnceOfMany(t *testing.T) {
	t.Parallel()
	l := lab.New(t, lab.Link{Delay: 10 * time.Millisecond})
	l.Server.Banner(t, 22)
	client, _ := onceList(t, l, "20", func(conf string) string {
		return strings.ReplaceAll(conf, "/usr/sbin/nft", "sleep 5; /usr/sbin/nft")
	})
	runtime := t.TempDir()
	var wg sync.WaitGroup
	for i := range 12 {
		cmd := knockpipe(t, l, "-w 20 198.51.100.2 22 once:"+client)
		cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+runtime)
		wg.Go(func() {
			out, err := cmd.CombinedOutput()
			if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
				t.Errorf("process %d: got %q, %v, want %q", i, out, err, want)
			}
		})
	}
	wg.Wait()
}
