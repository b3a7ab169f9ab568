//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"knockpipe/internal/lab"
)

// TestTokenWalk has a new user guard an sshd by tokens, by the commands of the README,
// and then replace the key and revoke it by those of doc/walks.md.
func TestTokenWalk(t *testing.T) {
	t.Parallel()
	lab.Need(t, "nft")
	r := newReader(t)
	commands := commandsOf(t, "README.md", "## Token doors")
	r.follow(t, commands, []step{
		{"knockpipe -keygen", `(?m)^# Knock: token:.*/\.ssh/anna-tango\.key$`, false, nil},
		{"Host tango\n", `^$`, false, nil},
		{"-tokens -fresh", `^$`, false, nil},
		{"-rules nftables -trial 5m tango", `300 seconds`, true, nil},
		{"-check tango", `(?s)port 22 is shut: refused.* opened `, true, nil},
		{"cat >/etc/knockpipe/anna-tango.key", `^$`, true, nil},
		{"-for 7d", `^$`, true, nil},
	})
	sameKey := func(name string) {
		t.Helper()
		there, err := os.ReadFile(filepath.Join(r.etc, "knockpipe", name))
		if err != nil {
			t.Fatal(err)
		}
		if here, err := os.ReadFile(filepath.Join(r.home, ".ssh", name)); err != nil || string(here) != string(there) {
			t.Errorf("the server has another %s: %v", name, err)
		}
		if info, err := os.Stat(filepath.Join(r.etc, "knockpipe", name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, %v, want mode 0600", name, info.Mode(), err)
		}
	}
	sameKey("anna-tango.key")
	r.enter(t, "knockpipe -rules nftables tango | ssh root@tango nft -f -", step{want: `guarded`, shut: true}) // for good

	commands = commandsOf(t, walks, "## Another key for a token door")
	r.follow(t, commands, []step{
		{"knockpipe -keygen", `(?m)^# Knock: token:.*/\.ssh/anna-tango-2\.key$`, true, nil},
		{"-tokens -fresh", `^$`, true, nil},
		{"sed -i", `^$`, true, nil},
		{"echo the new key works", `^the new key works\n$`, true, nil},
		{"cat >/etc/knockpipe/anna-tango-2.key", `^$`, true, func() { sameKey("anna-tango-2.key") }},
		{"rm -f /etc/knockpipe/anna-tango.key", `^$`, true, nil},
	})
	if _, err := os.Stat(filepath.Join(r.etc, "knockpipe/anna-tango.key")); !os.IsNotExist(err) {
		t.Errorf("the file of the revoked key: got %v, want that it is gone", err)
	}
	old := "knockpipe -f none -w 1.5 tango.example.org 22 token:~/.ssh/anna-tango.key </dev/null"
	if out, err := r.run(old); err == nil || !strings.Contains(out, "do the clocks agree within") {
		t.Errorf("a key that was revoked: got %v: %s", err, out)
	}
	r.enter(t, "ssh -o ControlPath=none root@tango echo still in", step{want: `^still in\n$`, shut: true})
}

// TestTokenWalkFromPorts has a user of a sequence of ports go on to tokens, by the
// commands of doc/walks.md. After a boot without a supply, the ports are the second way in.
func TestTokenWalkFromPorts(t *testing.T) {
	t.Parallel()
	lab.Need(t, "nft", "shuf")
	r := newReader(t)
	config := filepath.Join(r.home, ".ssh", "config")
	keys, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range commandsOf(t, "README.md", "### From an open port to a guarded one") {
		if out, err := r.run(command); err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
	}
	text, err := os.ReadFile(walks)
	if err != nil {
		t.Fatal(err)
	}
	_, blocks, _ := strings.Cut(string(text), "so\nthey need `%n`:\n")
	blocks, _, found := strings.Cut(blocks, "\nCheck the token")
	if !found {
		t.Fatal("doc/walks.md has no blocks to write")
	}
	edit := func() {
		if err := os.WriteFile(config, []byte(string(keys)+blocks), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.follow(t, commandsOf(t, walks, "## From ports to tokens"), []step{
		{"knockpipe -keygen", `(?m)^# Knock: token:.*/\.ssh/anna-tango\.key$`, true, nil},
		{"-tokens -fresh", `^$`, true, nil},
		{"-trial 5m", `300 seconds`, true, edit},
		{"-check tango", `(?s)port 22 is shut: refused.* opened `, true, nil},
		{"tango,tango-ports |", `guard`, true, nil},
		{"echo the token works", `^the token works\n$`, true, nil},
		{"echo the ports work", `^the ports work\n$`, true, nil},
	})
	r.l.Server.Nft(t, "flush ruleset")
	serverRun(t, r.l, "nft", "-f", "/etc/knockpipe/knockpipe_22.nft")
	r.enter(t, "knockpipe -tokens ~/.ssh/anna-tango.key | ssh root@tango-ports nft -f -", step{want: `^$`, shut: true})
}
