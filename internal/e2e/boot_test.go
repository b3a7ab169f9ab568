//go:build linux

package e2e

import (
	"os"
	"strings"
	"testing"

	"knockpipe/internal/lab"
	"knockpipe/knock/token"
)

// TestBoot boots a systemd with the units of examples/: the guard and the tokens are there
// after each boot, and come back when nftables.service flushes what is loaded.
func TestBoot(t *testing.T) {
	t.Parallel()
	lab.Need(t, "nft", "logger", "bash")
	l := lab.New(t)
	l.Server.Banner(t, 22)
	dir := t.TempDir()
	b := &rulesBench{Lab: l, dir: dir}
	s := l.Server.Systemd(t)
	s.Write("/etc/knockpipe/knockpipe_22.nft", printedRules(t, l, "nftables", b.config(t, "# Knock: 7001 7002 7003"), "tango", "22"), 0o600)
	if out, err := knockpipe(t, l, "-keygen "+dir+"/anna.key").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	copyIn := func(from, to string, mode os.FileMode) {
		t.Helper()
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		s.Write(to, string(text), mode)
	}
	copyIn(dir+"/anna.key", "/etc/knockpipe/anna.key", 0o600)
	copyIn(binary(t), "/usr/bin/knockpipe", 0o755)
	for _, unit := range []string{"knockpipe-rules.service", "knockpipe-tokens.service", "knockpipe-tokens.timer", "knockpipe-tokens-failed.service"} {
		copyIn("examples/"+unit, "/etc/systemd/system/"+unit, 0o644)
	}
	key, err := token.Read(dir + "/anna.key")
	if err != nil {
		t.Fatal(err)
	}

	settled := func() { // what one unit has asked of another is done
		t.Helper()
		for t.Context().Err() == nil && !strings.Contains(s.Run("systemctl", "list-jobs"), "No jobs") {
		}
	}
	guarded := func(when string, want bool) {
		t.Helper()
		settled()
		if got := !reach(l.Client, "198.51.100.2:22"); got != want {
			t.Errorf("%s: the port is guarded: got %v, want %v\n%s", when, got, want, s.Run("systemctl", "status", "--no-pager", "knockpipe-rules"))
		}
	}
	supplied := func(when string) {
		t.Helper()
		if out, err := s.Command("nft", ofSupply("anna", key)...).CombinedOutput(); err != nil {
			t.Errorf("%s: no tokens: %s\n%s", when, out, s.Run("journalctl", "--no-pager", "-u", "knockpipe-tokens"))
		}
	}

	s.Boot()
	guarded("before anything is enabled", false)
	s.Run("systemctl", "enable", "--now", "nftables", "knockpipe-rules", "knockpipe-tokens.timer")
	guarded("enabled", true)
	s.Run("systemctl", "start", "knockpipe-tokens") // joins the start by the timer
	supplied("enabled")

	for _, verb := range []string{"restart", "reload"} {
		s.Run("systemctl", verb, "nftables")
		guarded("nftables: "+verb, true)
		s.Run("systemctl", "start", "knockpipe-tokens")
		supplied("nftables: " + verb)
	}
	s.Run("systemctl", "stop", "nftables") // who takes all rules away means it
	guarded("nftables: stop", false)
	s.Run("systemctl", "start", "nftables")
	guarded("nftables: start", true)

	s.Run("sh", "-c", "echo no key >/etc/knockpipe/bob.key; nft flush ruleset")
	if out, err := s.Command("systemctl", "start", "knockpipe-tokens").CombinedOutput(); err == nil {
		t.Errorf("a key that cannot be read is no failure of the unit: %s", out)
	}
	supplied("beside a bad key")
	settled()
	if log := s.Run("journalctl", "--no-pager", "-t", "knockpipe"); !strings.Contains(log, "tokens were not loaded") {
		t.Errorf("the journal does not say that tokens were not loaded:\n%s", log)
	}
	s.Run("rm", "/etc/knockpipe/bob.key")

	s.Shutdown()
	l.Server.Nft(t, "flush ruleset") // as of a kernel that has just started
	s.Boot()
	guarded("after a boot", true)
	s.Run("systemctl", "start", "knockpipe-tokens")
	supplied("after a boot")
	if got, want := s.Run("systemctl", "show", "-P", "ActiveState", "knockpipe-tokens.timer"), "active\n"; got != want {
		t.Errorf("the timer is %q, want %q", got, want)
	}
	s.Shutdown()
}
