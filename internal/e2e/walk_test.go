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

// A reader types the commands of the documents, as they stand there, and nothing else.
// The server can be reached by ssh as tango.example.org, and nobody else is there.
type reader struct {
	l    *lab.Lab
	sshd *lab.SSHD
	home string // the client's /root
	etc  string // the server's /etc
	told string // a file with what systemctl was told, as nothing has booted here
	env  []string
}

func newReader(t *testing.T) *reader {
	t.Helper()
	l := lab.New(t)
	l.Client.WriteFile(t, "/etc/hosts", "198.51.100.2 tango.example.org\n")
	dir := t.TempDir()
	r := &reader{l: l, etc: serverEtc(t, l), told: filepath.Join(dir, "told"), home: t.TempDir()}
	lab.Need(t, "systemctl")
	stub := filepath.Join(dir, "systemctl")
	if err := os.WriteFile(stub, []byte("#!/bin/sh\necho \"$*\" >>"+r.told+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	l.Server.Bind(t, stub, realPath(t, "systemctl"))
	l.Server.Bind(t, t.TempDir(), "/root")
	r.sshd = l.Server.SSHD(t)
	if err := os.Mkdir(filepath.Join(r.home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	keys, err := os.ReadFile(r.sshd.ClientConfig(t, "")) // the user can log in already
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.home, ".ssh", "config"), keys, 0o600); err != nil {
		t.Fatal(err)
	}
	l.Client.Bind(t, r.home, "/root")
	r.env = []string{"HOME=/root", "STATE_DIRECTORY=" + t.TempDir(),
		"PATH=" + filepath.Dir(binary(t)) + ":" + os.Getenv("PATH") + ":/usr/sbin:/sbin"}
	return r
}

func (r *reader) run(command string) (string, error) {
	cmd := r.l.Client.Command("bash", "-o", "pipefail", "-ec", command)
	cmd.Dir = r.home
	cmd.Env = append(cmd.Env, r.env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A step is what a command has to lead to.
type step struct {
	command string // a part of it
	want    string // a pattern in what it prints
	shut    bool   // whether port 22 is shut to others from then on
	then    func() // what happens besides; nil for nothing
}

// follow types commands, which are those of the steps.
func (r *reader) follow(t *testing.T, commands []string, steps []step) {
	t.Helper()
	if len(commands) != len(steps) {
		t.Fatalf("got %d commands, want %d: %q", len(commands), len(steps), commands)
	}
	for i, s := range steps {
		if !strings.Contains(commands[i], s.command) {
			t.Fatalf("command %d is %q, want one with %q", i+1, commands[i], s.command)
		}
		r.enter(t, commands[i], s)
	}
}

// enter types one command and looks what it has led to.
func (r *reader) enter(t *testing.T, command string, s step) {
	t.Helper()
	out, err := r.run(command)
	if err != nil || strings.Contains(out, "fail  ") {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	if !regexp.MustCompile(s.want).MatchString(out) {
		t.Errorf("%s: got %q, want %s", command, out, s.want)
	}
	if s.then != nil {
		s.then()
	}
	if s.shut { // forgets who has knocked, if that is what holds the port open
		r.l.Server.Command("nft", "flush set inet knockpipe_22 clients4").Run()
	}
	if got := !reach(r.l.Client, "198.51.100.2:22"); got != s.shut {
		t.Errorf("%s: the port is shut: got %v, want %v", command, got, s.shut)
	}
}

// commandsOf finds the commands in sections of a document.
func commandsOf(t *testing.T, file string, headings ...string) (commands []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, heading := range headings {
		_, section, ok := strings.Cut(string(text), "\n"+heading+"\n")
		if !ok {
			t.Fatalf("%s has no section %q", file, heading)
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

// TestWalk has a new user guard an sshd by the commands of the README, and then do what
// comes up on day two by those of doc/walks.md.
func TestWalk(t *testing.T) {
	t.Parallel()
	lab.Need(t, "nft", "shuf", "sudo", "scp")
	r := newReader(t)
	second := func() {
		if out, err := r.run("knockpipe -n tango-anna tango.example.org 22 </dev/null"); err != nil {
			t.Errorf("the second user: %v: %s", err, out)
		}
	}
	r.follow(t, commandsOf(t, "README.md", "### From an open port to a guarded one"), []step{
		{"shuf -i", `^# Knock: \d+/(tcp|udp) \d+/(tcp|udp) \d+/(tcp|udp) \d+/(tcp|udp)\n$`, false, nil},
		{"Host tango\n", `^$`, false, nil},
		{"-rules nftables tango 9 |", `TCP port 9 is guarded by table inet knockpipe_9\n`, false, nil},
		{"-k tango 9", `^$`, false, nil},
		{"clients4; nft list", `elements = \{ 198\.51\.100\.1 `, false, nil},
		{"nft delete table inet knockpipe_9", `^$`, false, nil},
		{"-trial 5m", `for 300 seconds`, true, nil},
		{"-check tango", `(?s)port 22 is shut: refused.* opened `, true, nil},
		{"echo it works", `^it works\n$`, true, nil},
		{"umask 077", `guarded by`, true, nil},
		{"nft -f /etc/knockpipe/knockpipe_22.nft", `^$`, true, nil},
		{"sed -n", `^$`, true, nil},
		{"systemctl enable", `^$`, true, nil},
	})
	if text, err := os.ReadFile(r.told); err != nil || string(text) != "enable --now knockpipe-rules\n" {
		t.Errorf("systemctl was told %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(r.etc, "systemd/system/knockpipe-rules.service")); err != nil {
		t.Error(err)
	}
	r.follow(t, commandsOf(t, walks, "## Day two"), []step{
		{"tango 22 51234/udp", `for 300 seconds`, true, nil},
		{"sed -i 's,# Knock: 45123", `^$`, true, nil},
		{"echo the new one works", `^the new one works\n$`, true, nil},
		{"cp -p knockpipe_22.nft", `guarded by`, true, nil},
		{"mv knockpipe_22.nft~", `^$`, true, nil},
		{"sed -i 's,# Knock: 51234", `^$`, true, nil},
		{"Host tango-anna", `^$`, true, nil},
		{"tango,tango-anna | ssh", `guarded by`, true, second},
		{"tango,tango-anna >", `(?m)^knockpipe: guarding port 22`, true, nil},
		{"scp ", ``, true, nil},
		{"sudo nft", ``, true, nil},
		{"rm /etc/knockpipe", `^$`, false, nil},
	})
}
