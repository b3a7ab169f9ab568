//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
	"knockpipe/knock/token"
)

// refill runs a command of the examples on the server, with its keys in a folder of
// this test.
func (d *tokenDoor) refill(t *testing.T, command string) error {
	t.Helper()
	lab.Need(t, "bash", "nft")
	cmd := d.Server.Command("bash", "-c", strings.ReplaceAll(command, "/etc/knockpipe", d.dir))
	cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(binary(t))+":/usr/sbin:/usr/bin:/bin", "STATE_DIRECTORY="+filepath.Join(d.dir, "state"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// ofSupply has nft look for a token of a later slot, which is there if the key's supply
// is loaded.
func ofSupply(name string, k *token.Key) []string {
	tok := k.Token(token.SlotOf(time.Now())+10, 0)
	return []string{"get", "element", "inet", "knockpipe_key_" + name, "tokens_v1", fmt.Sprintf("{ 0x%x }", tok[:])}
}

// TestTokenRefill loads tokens as systemd and cron do, by the lines of the examples: of
// a new user, after a flush, and beside keys that are bad or that the kernel refuses.
func TestTokenRefill(t *testing.T) {
	t.Parallel()
	line := func(name, pattern string) string {
		text, err := os.ReadFile("examples/" + name)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(pattern).FindSubmatch(text)
		if m == nil {
			t.Fatalf("%s has no %s", name, pattern)
		}
		return string(m[1])
	}
	for name, command := range map[string]string{
		"systemd": strings.ReplaceAll(line("knockpipe-tokens.service", `(?m)^ExecStart=(.*)$`), "$$", "$"),
		"cron":    line("knockpipe-tokens.cron", `(?m)^\*/5 \* \* \* \* root (.*)$`),
		"at boot": line("knockpipe-tokens.cron", `(?m)^@reboot +root (.*)$`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newTokenDoor(t)
			keys := make(map[string]*token.Key)
			for _, user := range []string{"anna", "bob"} {
				path := filepath.Join(d.dir, user+".key")
				d.run(t, "", "-keygen", path)
				k, err := token.Read(path)
				if err != nil {
					t.Fatal(err)
				}
				keys[user] = k
			}
			loaded := func(user string) bool {
				t.Helper()
				return d.Server.Command("nft", ofSupply(user, keys[user])...).Run() == nil
			}
			if err := os.WriteFile(filepath.Join(d.dir, "aaa.key"), []byte("no key\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			refused := filepath.Join(d.dir, "aab.key")
			d.run(t, "", "-keygen", refused)
			d.Server.Nft(t, "table inet knockpipe_key_aab {\n set tokens_v1 { type ipv4_addr; }\n}\n")
			err := d.refill(t, command)
			if failed := err != nil; failed != (name == "systemd") || failed && !strings.Contains(err.Error(), "/aaa.key:1: ") {
				t.Errorf("with a bad key, and one that the kernel refuses: got %v", err)
			}
			if !loaded("anna") || !loaded("bob") {
				t.Errorf("beside them are loaded anna %v, bob %v, want both", loaded("anna"), loaded("bob"))
			}
			if err := os.Remove(filepath.Join(d.dir, "aaa.key")); err != nil {
				t.Fatal(err)
			}
			if err := d.refill(t, command); (err != nil) != (name == "systemd") {
				t.Errorf("with a key that the kernel refuses: got %v", err)
			}
			d.run(t, "| nft -f -", "-tokens", filepath.Join(d.dir, "anna.key"), filepath.Join(d.dir, "bob.key"))
			if out, err := d.try(t, "| nft -f -", "-tokens", refused, filepath.Join(d.dir, "bob.key")); err == nil {
				t.Errorf("two keys in one pipe are one transaction, and one is refused: got %s", out)
			}
			if err := os.Remove(refused); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if !loaded("anna") || !loaded("bob") {
					t.Errorf("loaded are anna %v, bob %v, want both", loaded("anna"), loaded("bob"))
				}
				d.Server.Nft(t, "flush ruleset")
				if err := d.refill(t, command); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	t.Run("units", func(t *testing.T) {
		lab.Need(t, "systemd-analyze")
		l := lab.New(t)
		dir := t.TempDir()
		var units []string
		for _, name := range []string{"knockpipe-tokens.service", "knockpipe-tokens.timer", "knockpipe-tokens-failed.service"} {
			text, err := os.ReadFile("examples/" + name)
			if err != nil {
				t.Fatal(err)
			}
			units = append(units, filepath.Join(dir, name))
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		cmd := l.Server.Command("systemd-analyze", append([]string{"verify", "--man=no"}, units...)...)
		cmd.Env = append(cmd.Env, "SYSTEMD_UNIT_PATH="+dir+":")
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "knockpipe") {
			t.Errorf("%v: %s", err, out)
		}
	})
}
