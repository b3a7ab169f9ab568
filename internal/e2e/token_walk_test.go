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

// TestTokenWalk guards an sshd with tokens as a new user would, only with the commands of
// the README, and then replaces the key and revokes it, as described there.
func TestTokenWalk(t *testing.T) {
	t.Parallel()
	lab.Need(t, "nft")
	l := lab.New(t)
	l.Client.WriteFile(t, "/etc/hosts", "198.51.100.2 tango.example.org\n")
	etc := serverEtc(t, l)
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
	state := t.TempDir()
	run := func(command string) (string, error) {
		cmd := l.Client.Command("bash", "-o", "pipefail", "-ec", command)
		cmd.Dir = home
		cmd.Env = append(cmd.Env, "HOME=/root", "STATE_DIRECTORY="+state, "PATH="+filepath.Dir(binary(t))+":"+os.Getenv("PATH")+":/usr/sbin:/sbin")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	steps := []struct {
		command string
		want    string // a pattern in what it prints
		shut    bool
	}{
		{"knockpipe -keygen", `(?m)^# Knock: token:.*/\.ssh/anna-tango\.key$`, false},
		{"Host tango\n", `^$`, false},
		{"-tokens -fresh", `^$`, false},
		{"-rules nftables -trial 5m tango", `300 seconds`, true},
		{"-check tango", `(?s)port 22 is shut: refused.* opened `, true},
		{"cat >/etc/knockpipe/anna-tango.key", `^$`, true},
		{"-for 7d", `^$`, true},
	}
	commands := walk(t, "## Token doors\n")
	if len(commands) != len(steps) {
		t.Fatalf("got %d commands, want %d: %q", len(commands), len(steps), commands)
	}
	follow := func(command, want string, shut bool) {
		t.Helper()
		out, err := run(command)
		if err != nil || strings.Contains(out, "fail  ") {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s: got %q, want %s", command, out, want)
		}
		if shut { // forgets who has knocked
			l.Server.Nft(t, "flush set inet knockpipe_22 clients4")
		}
		if got := !reach(l.Client, "198.51.100.2:22"); got != shut {
			t.Errorf("%s: the port is shut: got %v, want %v", command, got, shut)
		}
	}
	for i, step := range steps {
		if !strings.Contains(commands[i], step.command) {
			t.Fatalf("command %d is %q, want one with %q", i+1, commands[i], step.command)
		}
		follow(commands[i], step.want, step.shut)
	}
	there, err := os.ReadFile(filepath.Join(etc, "knockpipe/anna-tango.key"))
	if err != nil {
		t.Fatal(err)
	}
	if here, err := os.ReadFile(filepath.Join(home, ".ssh/anna-tango.key")); err != nil || string(here) != string(there) {
		t.Errorf("the server has another key: %v", err)
	}
	if info, err := os.Stat(filepath.Join(etc, "knockpipe/anna-tango.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	revoke := regexp.MustCompile("`(nft delete table inet\\s+knockpipe_key_anna-tango)`").FindSubmatch(text)
	if revoke == nil {
		t.Fatal("the README does not say how to revoke a key")
	}
	delete := strings.ReplaceAll(string(revoke[1]), "\n", " ")

	follow("knockpipe -rules nftables tango | ssh root@tango nft -f -", `guarded`, true) // for good

	// The key is replaced in one session on the server, because the old one is gone then.
	follow("mv .ssh/anna-tango.key old.key; "+commands[0]+"\nmv .ssh/anna-tango.key new.key; mv old.key .ssh/anna-tango.key\n"+
		"cp new.key anna-tango.key; knockpipe -tokens -fresh anna-tango.key | ssh root@tango '"+delete+"; nft -f -'; mv anna-tango.key .ssh/anna-tango.key", `token:`, true)
	follow("ssh root@tango echo replaced", `^replaced\n$`, true)
	follow("ssh root@tango "+delete, `^$`, true)
	if out, err := run("knockpipe -w 1.5 tango.example.org 22 </dev/null"); err == nil || !strings.Contains(out, "do the clocks agree within") {
		t.Errorf("a key that was revoked: got %v: %s", err, out)
	}
}
