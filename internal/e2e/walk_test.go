//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"knockpipe/internal/lab"
)

// TestWalk guards an sshd and maintains it as a new user would, only with the README: it
// types the commands of "From an open port to a guarded one" and of "Day two" literally.
// systemctl only records its arguments, because nothing has booted here.
func TestWalk(t *testing.T) {
	t.Parallel()
	lab.Need(t, "nft", "shuf", "systemctl", "sudo", "scp")
	l := lab.New(t)
	l.Client.WriteFile(t, "/etc/hosts", "198.51.100.2 tango.example.org\n")
	dir := t.TempDir()
	etc := serverEtc(t, l)
	told := filepath.Join(dir, "told")
	stub := filepath.Join(dir, "systemctl")
	if err := os.WriteFile(stub, []byte("#!/bin/sh\necho \"$*\" >>"+told+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	l.Server.Bind(t, stub, realPath(t, "systemctl"))
	l.Server.Bind(t, t.TempDir(), "/root")
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
	run := func(command string) (string, error) {
		cmd := l.Client.Command("sh", "-ec", command)
		cmd.Dir = home
		cmd.Env = append(cmd.Env, "HOME=/root", "PATH="+filepath.Dir(binary(t))+":"+os.Getenv("PATH")+":/usr/sbin:/sbin")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}

	// What each command has to lead to, by a part of it; and whether the port is shut
	// to others from then on.
	steps := []struct {
		command string
		want    string // a pattern in what it prints
		shut    bool
	}{
		{"shuf -i", `^# Knock: \d+/(tcp|udp) \d+/(tcp|udp) \d+/(tcp|udp) \d+/(tcp|udp)\n$`, false},
		{"Host tango\n", `^$`, false},
		{"-rules nftables tango 9 |", `TCP port 9 is guarded by table inet knockpipe_9\n`, false},
		{"-k tango 9", `^$`, false},
		{"clients4; nft list", `elements = \{ 198\.51\.100\.1 `, false},
		{"nft delete table inet knockpipe_9", `^$`, false},
		{"-trial 5m", `for 300 seconds`, true},
		{"-check tango", `(?s)port 22 is shut: refused.* opened `, true},
		{"echo it works", `^it works\n$`, true},
		{"umask 077", `guarded by`, true},
		{"nft -f /etc/knockpipe/knockpipe_22.nft", `^$`, true},
		{"sed -n", `^$`, true},
		{"systemctl enable", `^$`, true},
		{"tango 22 51234/udp", `for 300 seconds`, true},
		{"sed -i 's,# Knock: 45123", `^$`, true},
		{"echo the new one works", `^the new one works\n$`, true},
		{"cp -p knockpipe_22.nft", `guarded by`, true},
		{"mv knockpipe_22.nft~", `^$`, true},
		{"sed -i 's,# Knock: 51234", `^$`, true},
		{"Host tango-anna", `^$`, true},
		{"tango,tango-anna | ssh", `guarded by`, true},
		{"tango,tango-anna >", `^knockpipe: guarding port 22`, true},
		{"scp ", ``, true},
		{"sudo nft", ``, true},
		{"rm /etc/knockpipe", `^$`, false},
	}
	commands := walk(t, "### From an open port to a guarded one\n", "### Day two\n")
	if len(commands) != len(steps) {
		t.Fatalf("got %d commands, want %d", len(commands), len(steps))
	}
	for i, step := range steps {
		command := commands[i]
		if !strings.Contains(command, step.command) {
			t.Fatalf("command %d is %q, want one with %q", i+1, command, step.command)
		}
		out, err := run(command)
		if err != nil || strings.Contains(out, "fail  ") {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
		if !regexp.MustCompile(step.want).MatchString(out) {
			t.Errorf("%s: got %q, want %s", command, out, step.want)
		}
		if step.command == "tango,tango-anna | ssh" {
			if out, err := run("knockpipe -n tango-anna tango.example.org 22 </dev/null"); err != nil {
				t.Errorf("the second user: %v: %s", err, out)
			}
		}
		if step.shut { // forgets who has knocked
			l.Server.Nft(t, "flush set inet knockpipe_22 clients4")
		}
		if got := !reach(l.Client, "198.51.100.2:22"); got != step.shut {
			t.Errorf("%s: the port is shut: got %v, want %v", command, got, step.shut)
		}
	}
	if text, err := os.ReadFile(told); err != nil || string(text) != "enable --now knockpipe-rules\n" {
		t.Errorf("systemctl was told %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(etc, "systemd/system/knockpipe-rules.service")); err != nil {
		t.Error(err)
	}
}

// walk finds the commands in sections of the README.
func walk(t *testing.T, headings ...string) (commands []string) {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, heading := range headings {
		_, section, ok := strings.Cut(string(text), heading)
		if !ok {
			t.Fatalf("the README has no section %q", heading)
		}
		section, _, _ = strings.Cut(section, "\n## ")
		section, _, _ = strings.Cut(section, "\n### ")
		inside := false
		for line := range strings.Lines(section) {
			command, ok := strings.CutPrefix(line, "    $ ")
			more, indented := strings.CutPrefix(line, "    ")
			switch inside = ok || inside && indented; {
			case ok:
				commands = append(commands, strings.TrimSuffix(command, "\n"))
			case inside:
				commands[len(commands)-1] += "\n" + strings.TrimSuffix(more, "\n")
			}
		}
	}
	return commands
}
