//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// A daemonDoor is a server that was set up by what -rules printed, and a client with
// the same config.
type daemonDoor struct {
	l      *lab.Lab
	config string // the client's
	text   string // what -rules printed
}

// newDaemonDoor prints the rules for host tango and puts them into a file in /etc of
// the server, which is its own.
func newDaemonDoor(t *testing.T, l *lab.Lab, format, config, ports, file string) *daemonDoor {
	t.Helper()
	d := &daemonDoor{l: l, config: filepath.Join(t.TempDir(), "config")}
	if err := os.WriteFile(d.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	l.Client.WriteFile(t, "/etc/hosts", "2001:db8::2 tango\n198.51.100.2 tango\n")
	cmd := knockpipe(t, d.l, "-f "+d.config+" -lan 203.0.113.0/24,2001:db8:113::/64 -rules "+format+" tango "+ports)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("-rules %s: %v", format, err)
	}
	d.text = string(out)
	etc := t.TempDir()
	d.run(t, "cp -a /etc/. "+etc+" 2>/dev/null || true")
	if err := os.WriteFile(filepath.Join(etc, file), out, 0o600); err != nil {
		t.Fatal(err)
	}
	d.l.Server.Bind(t, etc, "/etc")
	return d
}

// run runs a shell script on the server, in its /etc.
func (d *daemonDoor) run(t *testing.T, script string) {
	t.Helper()
	if out, err := d.l.Server.Command("sh", "-ec", "cd /etc\n"+script).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", script, err, out)
	}
}

// knockd loads the tables and starts knockd, as the comments say.
func (d *daemonDoor) knockd(t *testing.T) *lab.Daemon {
	t.Helper()
	d.comment(t, "again at any time:")
	return d.l.Server.Daemon(t, "listening on eth0", "stdbuf", "-oL", "knockd", "-v", "-c", "/etc/knockd.conf")
}

// comment runs the commands that the comments give below a line that ends so.
func (d *daemonDoor) comment(t *testing.T, ending string) {
	t.Helper()
	var commands []string
	below := false
	for line := range strings.Lines(d.text) {
		line = strings.TrimSuffix(line, "\n")
		if command, ok := strings.CutPrefix(line, "#      "); ok && below {
			commands = append(commands, command)
		} else if line != "#" {
			if below && len(commands) > 0 {
				break
			}
			below = strings.HasSuffix(line, ending)
		}
	}
	if len(commands) == 0 {
		t.Fatalf("no commands below %q in:\n%s", ending, d.text)
	}
	d.run(t, strings.Join(commands, "\n"))
}

// open connects from the client, with the config's knock or with words in its place.
func (d *daemonDoor) open(t *testing.T, flags, port string, words ...string) (string, error) {
	t.Helper()
	line := fmt.Sprintf("%s -f %s tango %s %s", flags, d.config, port, strings.Join(words, " "))
	out, err := knockpipe(t, d.l, line).CombinedOutput()
	return string(out), err
}

// mustOpen opens the door; mustStay finds it shut.
func (d *daemonDoor) mustOpen(t *testing.T, flags, port string) {
	t.Helper()
	if out, err := d.open(t, flags, port); err != nil || out != "SSH-2.0-bench\r\n" {
		t.Fatalf("port %s: got %q, %v, want the banner", port, out, err)
	}
}

func (d *daemonDoor) mustStay(t *testing.T, flags, port, why string, words ...string) {
	t.Helper()
	if out, err := d.open(t, flags, port, words...); err == nil || strings.Contains(out, "SSH-2.0") {
		t.Fatalf("%s: port %s: got %q, %v, want it shut", why, port, out, err)
	}
}

// reach connects from a host without a knock, and reports whether it got in.
func reach(h *lab.Host, address string) bool {
	conn, err := h.Dial("tcp", address, 300*time.Millisecond)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
