//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestWalk has a new user guard an sshd by the README alone: it runs the commands of
// "In four commands", as they stand there.
func TestWalk(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Client.WriteFile(t, "/etc/hosts", "198.51.100.2 tango.example.org\n")
	sshd := l.Server.SSHD(t)
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	keys, err := os.ReadFile(sshd.ClientConfig(t, "")) // the user can log in already
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".ssh", "config"), keys, 0o600); err != nil {
		t.Fatal(err)
	}
	l.Client.Bind(t, home, "/root")
	var last string
	for i, command := range walk(t) {
		cmd := l.Client.Command("sh", "-ec", command)
		cmd.Env = append(cmd.Env, "HOME=/root", "PATH="+filepath.Dir(binary(t))+":"+os.Getenv("PATH")+":/usr/sbin:/sbin")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("command %d: %v: %s", i+1, err, out)
		}
		if i == 2 && (!strings.Contains(string(out), "port 22 is shut: refused") || strings.Contains(string(out), "fail  ")) {
			t.Errorf("the report is %s", out)
		}
		last = string(out)
	}
	if last != "it works\n" {
		t.Errorf("got %q at the end, want it works", last)
	}
	sshd.Settle()
	if got := sshd.Connections(); got != 3 { // to load the rules, by -check, and at last
		t.Errorf("sshd saw %d connections, want 3:\n%s", got, sshd.Log())
	}
	l.Server.Nft(t, "flush set inet knockpipe_22 clients4")
	if conn, err := l.Client.Dial("tcp4", "198.51.100.2:22", time.Second); err == nil {
		conn.Close()
		t.Error("the port is open to whoever has not knocked")
	}
}

// walk finds the commands in the README.
func walk(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "### In four commands\n")
	if !ok {
		t.Fatal("the README has no section \"In four commands\"")
	}
	block := regexp.MustCompile(`(?m)(^    .*\n|^\n)+`).FindString(section[strings.Index(section, "\n    "):])
	var commands []string
	for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
		line = strings.TrimPrefix(line, "    ")
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			commands = append(commands, command)
		} else if len(commands) > 0 {
			commands[len(commands)-1] += "\n" + line
		}
	}
	if len(commands) != 4 {
		t.Fatalf("got %d commands, want 4: %q", len(commands), commands)
	}
	return commands
}
