//go:build linux

package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestKnockClose shuts the door again when the session ends, however it does.
func TestKnockClose(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(cmd *lab.Cmd, stdin io.Closer){
		"stdin ends": func(_ *lab.Cmd, stdin io.Closer) { stdin.Close() },
		"server ends": func(_ *lab.Cmd, stdin io.Closer) {
			io.WriteString(stdin.(io.Writer), "bye\n")
		},
		// Named as the log names them, so that none is missed that comes early.
		"hangup":     func(cmd *lab.Cmd, _ io.Closer) { cmd.Process.Signal(syscall.SIGHUP) },
		"terminated": func(cmd *lab.Cmd, _ io.Closer) { cmd.Process.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			mirroredKnockd(t, l)
			l.Server.Banner(t, 22)
			dir := t.TempDir()
			config := dir + "/knock_config"
			text := "Knock " + sequence + "\nKnockClose 45678 34567 23456 12345\n"
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := knockpipe(t, l, "-v -f "+config+" 198.51.100.2 22")
			stdin, _ := cmd.StdinPipe()
			stdout, _ := cmd.StdoutPipe()
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			out := bufio.NewReader(stdout)
			if line, err := out.ReadString('\n'); err != nil {
				t.Fatalf("got %q, %v: %s", line, err, &stderr)
			}
			end(cmd, stdin)
			io.Copy(io.Discard, out)
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v: %s", err, &stderr)
			}
			if want := "closing sequence sent to 198.51.100.2"; !strings.Contains(stderr.String(), want) {
				t.Errorf("got %q, want %q", &stderr, want)
			}
			if signal := !strings.Contains(name, " "); signal && !strings.Contains(stderr.String(), "knockpipe: "+name+"\n") {
				t.Errorf("got %q, which does not tell of the signal", &stderr)
			}
			for deadline := time.Now().Add(5 * time.Second); ; {
				set, err := l.Server.Command("nft", "list", "set", "inet", "knockd", "clients4").Output()
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Contains(set, []byte("198.51.100.1")) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the door is still open:\n%s", set)
				}
			}
		})
	}
}
