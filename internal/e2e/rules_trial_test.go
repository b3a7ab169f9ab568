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

// barred returns the lines of a text that are marked as comments with a bar.
func barred(text string) string {
	var lines strings.Builder
	for _, line := range regexp.MustCompile(`(?m)^#\|(.*\n)`).FindAllStringSubmatch(text, -1) {
		lines.WriteString(line[1])
	}
	return lines.String()
}

// TestRulesTrial checks that a trial guard removes itself, that one that was loaded again
// for good stays, and that a session survives all of it.
func TestRulesTrial(t *testing.T) {
	t.Parallel()
	script := func(args ...string) func(t *testing.T, l *lab.Lab, text string) {
		return func(t *testing.T, l *lab.Lab, text string) {
			path := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			serverRun(t, l, "sh", append([]string{path}, args...)...)
		}
	}
	for _, f := range []struct {
		format, knock string
		need          []string
		load          func(t *testing.T, l *lab.Lab, text string)
	}{
		{"nftables", "7001 7002 7003", []string{"nft"}, func(t *testing.T, l *lab.Lab, text string) { l.Server.Nft(t, text) }},
		{"iptables", "7001 7002 7003", []string{"iptables", "ip6tables"}, script()},
		{"knockd", "7001 7002 7003", []string{"nft"}, func(t *testing.T, l *lab.Lab, text string) { l.Server.Nft(t, barred(text)) }},
		{"fwknopd", "fwknop", []string{"iptables", "ip6tables"}, script("firewall")},
	} {
		t.Run(f.format, func(t *testing.T) {
			t.Parallel()
			lab.Need(t, f.need...)
			const trial = 10 * time.Second
			l := lab.New(t)
			l.Server.Banner(t, 22)
			l.Server.Banner(t, 2222)
			listener := l.Server.Listen(t, "tcp4", ":2200")
			go func() {
				if conn, err := listener.Accept(); err == nil {
					buffer := make([]byte, 64)
					for n, err := conn.Read(buffer); err == nil; n, err = conn.Read(buffer) {
						conn.Write(buffer[:n])
					}
				}
			}()
			session, err := l.Client.Dial("tcp4", "198.51.100.2:2200", 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			rc(t, l, "[tango]\n"+keys)
			b := &rulesBench{Lab: l, dir: t.TempDir()}
			config := b.config(t, "Host tango", "# Knock: "+f.knock)
			f.load(t, l, printedRules(t, l, f.format, config, "-trial", "10s", "tango", "22"))
			start := time.Now()
			f.load(t, l, printedRules(t, l, f.format, config, "-trial", "10s", "tango", "2222,2200"))
			for _, address := range []string{"198.51.100.2:22", "[2001:db8::2]:22", "198.51.100.2:2222", "[2001:db8::2]:2222"} {
				if reach(l.Client, address) && time.Since(start) < trial {
					t.Errorf("%s is open in the trial", address)
				}
			}
			echoes(t, session, "in the trial")
			f.load(t, l, printedRules(t, l, f.format, config, "tango", "22"))
			for _, address := range []string{"198.51.100.2:2222", "[2001:db8::2]:2222"} {
				for deadline := time.Now().Add(time.Minute); !reach(l.Client, address); {
					if time.Now().After(deadline) {
						t.Fatalf("%s: the trial does not end", address)
					}
				}
			}
			if early := trial - time.Since(start); early > time.Second {
				t.Errorf("the trial ended %v too early", early)
			}
			echoes(t, session, "after the trial")
			for _, address := range []string{"198.51.100.2:22", "[2001:db8::2]:22"} {
				if reach(l.Client, address) {
					t.Errorf("%s: the guard that was loaded for good is gone", address)
				}
			}
		})
	}
}

// TestRulesUnit keeps a guard over a reboot as the comments say, with a systemctl that
// only records its arguments. The unit's own command loads the files, and one bad file
// does not stop the others.
func TestRulesUnit(t *testing.T) {
	t.Parallel()
	lab.Need(t, "nft")
	l := lab.New(t)
	etc, bin := serverEtc(t, l), t.TempDir()
	b := &rulesBench{Lab: l, dir: t.TempDir()}
	text := printedRules(t, l, "nftables", b.config(t, "# Knock: 7001 7002 7003"), "tango", "22")
	keep := regexp.MustCompile(`(?m)^# Keep it[^\n]*:\n((?:#   .*\n)+)`).FindStringSubmatch(text)
	if keep == nil {
		t.Fatalf("no commands to keep it in\n%s", text)
	}
	if err := os.WriteFile(filepath.Join(bin, "systemctl"), []byte("#!/bin/sh\necho \"$*\" >>"+bin+"/told\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "knockpipe.nft"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	serverRun(t, l, "sh", "-ec", "PATH="+bin+":$PATH; cd "+bin+"\n"+strings.ReplaceAll(keep[1], "#   ", ""))
	if told, err := os.ReadFile(filepath.Join(bin, "told")); err != nil || string(told) != "enable --now knockpipe-rules\n" {
		t.Errorf("systemctl was told %q, %v", told, err)
	}
	unit, err := os.ReadFile(filepath.Join(etc, "systemd/system/knockpipe-rules.service"))
	if err != nil {
		t.Fatal(err)
	}
	if example, err := os.ReadFile("examples/knockpipe-rules.service"); err != nil || string(example) != string(unit) {
		t.Errorf("the printed unit is another one than that of examples: %v\n%s", err, unit)
	}
	if info, err := os.Stat(filepath.Join(etc, "knockpipe/knockpipe_22.nft")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the knock: %v, %v, want mode 0600", info, err)
	}

	// The boot. What other tables there are is as it was afterwards.
	l.Server.Banner(t, 22)
	l.Server.Nft(t, "flush ruleset\ntable inet other { chain c { counter; }; }")
	if !reach(l.Client, "198.51.100.2:22") {
		t.Fatal("guarded without the rules")
	}
	command := regexp.MustCompile(`(?m)^ExecStart=/bin/sh -c '(.*)'$`).FindSubmatch(unit)
	again := regexp.MustCompile(`(?m)^ExecReload=/bin/sh -c '(.*)'$`).FindSubmatch(unit)
	if command == nil || again == nil || string(again[1]) != string(command[1]) {
		t.Fatalf("what it starts and what it does again are not one:\n%s", unit)
	}
	serverRun(t, l, "sh", "-c", string(command[1]))
	serverRun(t, l, "nft", "list", "table", "inet", "other")
	if reach(l.Client, "198.51.100.2:22") {
		t.Error("not guarded after the boot")
	}
	l.Server.Nft(t, "delete table inet knockpipe_22")
	if err := os.WriteFile(filepath.Join(etc, "knockpipe/a.nft"), []byte("table inet {\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Server.Command("sh", "-c", string(command[1])).Run(); err == nil {
		t.Error("a file that cannot be loaded is no failure of the unit")
	}
	if reach(l.Client, "198.51.100.2:22") {
		t.Error("not guarded, as another file cannot be loaded")
	}
	if out, err := l.Server.Command("systemd-analyze", "verify", "/etc/systemd/system/knockpipe-rules.service").CombinedOutput(); err != nil && len(out) > 0 && strings.Contains(string(out), "knockpipe") {
		t.Errorf("systemd-analyze verify: %v: %s", err, out)
	}
}

// serverEtc gives the server an /etc of its own, and returns where that is.
func serverEtc(t *testing.T, l *lab.Lab) string {
	t.Helper()
	etc := t.TempDir()
	serverRun(t, l, "sh", "-c", "cp -a /etc/. "+etc+" 2>/dev/null || true")
	l.Server.Bind(t, etc, "/etc")
	return etc
}

// TestRulesWide lets in the network of the address that knocks, and nobody else.
func TestRulesWide(t *testing.T) {
	t.Parallel()
	for _, f := range []struct {
		format string
		need   []string
		load   func(t testing.TB, l *lab.Lab, text string) (remove func())
		only4  bool
	}{
		{"nftables", []string{"nft"}, asTold("knockpipe.nft"), false},
		{"iptables", []string{"iptables", "ip6tables"}, asTold("knockpipe.sh"), false},
		{"knockd", []string{"nft", "knockd", "stdbuf"}, func(t testing.TB, l *lab.Lab, text string) func() {
			l.Server.Nft(t, barred(text))
			conf := filepath.Join(t.TempDir(), "knockd.conf")
			if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			l.Server.Daemon(t, "listening on eth0", "stdbuf", "-oL", "knockd", "-v", "-c", conf)
			return nil
		}, true},
	} {
		t.Run(f.format, func(t *testing.T) {
			t.Parallel()
			lab.Need(t, f.need...)
			l := lab.New(t)
			behind := l.Behind(t)
			l.Server.Banner(t, 22)
			second(t, l)
			if out, err := l.Client.Command("ip", "addr", "add", "2001:db8::9/64", "dev", "eth0", "nodad").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			b := &rulesBench{Lab: l, dir: t.TempDir()}
			config := b.config(t, "# Knock: 7001 7002 7003")
			knock := func(source, host string) {
				t.Helper()
				if out, err := knockpipe(t, l, "-s "+source+" -f "+config+" "+host+" 22").CombinedOutput(); err != nil {
					t.Fatalf("from %s: %v: %s", source, err, out)
				}
			}
			if !f.only4 {
				f.load(t, l, printedRules(t, l, f.format, config, "tango", "22"))
				knock("198.51.100.9", "198.51.100.2")
				knock("2001:db8::9", "2001:db8::2")
				if reachFrom(t, l, "198.51.100.1", "198.51.100.2") || reachFrom(t, l, "2001:db8::1", "2001:db8::2") {
					t.Error("without -wide, another address is let in")
				}
			}
			f.load(t, l, printedRules(t, l, f.format, config, "-wide", "tango", "22"))
			knock("198.51.100.9", "198.51.100.2")
			if !reachFrom(t, l, "198.51.100.1", "198.51.100.2") {
				t.Error("another address of the /24 is not let in")
			}
			if reach(behind, "203.0.113.1:22") {
				t.Error("another network is let in")
			}
			if f.only4 {
				return
			}
			knock("2001:db8::9", "2001:db8::2")
			if !reachFrom(t, l, "2001:db8::1", "2001:db8::2") {
				t.Error("another address of the /64 is not let in")
			}
			if reach(behind, "[2001:db8:113::1]:22") {
				t.Error("another network is let in")
			}
		})
	}
}

// reachFrom reports whether port 22 takes a connection from an address of the client,
// without a knock.
func reachFrom(t *testing.T, l *lab.Lab, source, host string) bool {
	t.Helper()
	return knockpipe(t, l, "-f none -w 0.5 -s "+source+" "+host+" 22").Run() == nil
}
