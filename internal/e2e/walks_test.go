//go:build linux

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"knockpipe/internal/lab"
)

const walks = "doc/walks.md"

// TestKnockdWalk reaches a server that has the knockd.conf of Debian, and then has it
// take one-time sequences. Each session leaves the door shut.
func TestKnockdWalk(t *testing.T) {
	t.Parallel()
	lab.Need(t, "scp", "knockd", "stdbuf")
	r := newReader(t)
	conf := filepath.Join(r.etc, "knockd.conf")
	if err := os.WriteFile(conf, []byte(stockConf("-A")), 0o600); err != nil {
		t.Fatal(err)
	}
	stockFirewall(t, r.l, "-A")
	pid := filepath.Join(t.TempDir(), "pid")
	start := func() {
		r.l.Server.Daemon(t, "listening on eth0", "sh", "-c", "echo $$ >"+pid+"; exec stdbuf -oL knockd -v -4 -c /etc/knockd.conf")
	}
	start()
	closed := func() {
		t.Helper()
		if left := awaitShut(t, r.l); left > 0 {
			t.Errorf("%d rules are left, want none", left)
		}
	}
	restart := func() { // as systemctl was told
		closed() // by the old one
		text, err := os.ReadFile(pid)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		start()
	}
	r.follow(t, commandsOf(t, walks, "## A knockd that you have already"), []step{
		{"Host tango\n", `^$`, true, nil},
		{"echo it works", `^it works\n$`, true, closed},
		{"-once 100", `^$`, true, nil},
		{"scp -p", `^$`, true, closed},
		{"sed -i~", `^$`, true, closed},
		{"systemctl restart knockd", `^$`, true, restart},
		{"sed -i 's,# Knock: 7000", `^$`, true, nil},
		{"echo the list works", `^the list works\n$`, true, closed},
	})
	if text, err := os.ReadFile(r.told); err != nil || string(text) != "restart knockd\n" {
		t.Errorf("systemctl was told %q, %v", text, err)
	}
	here, err := os.ReadFile(filepath.Join(r.home, ".ssh/tango.knocks"))
	if err != nil {
		t.Fatal(err)
	}
	if there, err := os.ReadFile(filepath.Join(r.etc, "knockd.sequences")); err != nil || !bytes.Equal(here, there) {
		t.Errorf("the copies of the list differ: %v\n%.200s\n%.200s", err, here, there)
	}
}

// TestFwknopdWalk has fwknopd guard a server.
func TestFwknopdWalk(t *testing.T) {
	t.Parallel()
	lab.Need(t, "scp", "fwknopd", "iptables", "ip6tables", "stdbuf", "openssl")
	r := newReader(t)
	start := func() { // as systemctl was told
		dir := t.TempDir()
		r.l.Server.Daemon(t, "Starting fwknopd main event loop", "stdbuf", "-oL", "fwknopd", "-f", "-v", "-r", dir, "-p", dir+"/pid", "-d", dir+"/digests")
	}
	commands := commandsOf(t, walks, "## fwknopd")
	last := len(commands) - 1
	r.follow(t, commands[:last], []step{
		{"openssl rand", `^$`, false, nil},
		{"Host tango\n", `^$`, false, nil},
		{"-rules fwknopd", `(?m)^knockpipe: guarding port 22`, false, nil},
		{"scp ", ``, false, nil},
		{"sh fwknopd.sh", ``, true, start},
	})
	if out, err := r.run(commands[last]); err != nil || !regexp.MustCompile(`(?s)port 22 is shut: .* opened `).MatchString(out) {
		t.Errorf("%s: got %v, %s", commands[last], err, out)
	}
	if text, err := os.ReadFile(r.told); err != nil || string(text) != "restart fwknop-server\n" {
		t.Errorf("systemctl was told %q, %v", text, err)
	}
}

// TestManualExamples types the commands of the manual's pages, each in the order in
// which they stand there.
func TestManualExamples(t *testing.T) {
	for page, before := range map[string]string{
		"doc/knockpipe.1":        "",
		"doc/knockpipe-server.7": "knockpipe -keygen ~/.ssh/anna-tango.key",
	} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			lab.Need(t, "nft", "iptables", "ip6tables")
			r := newReader(t)
			if out, err := r.run(`cat >>~/.ssh/config <<'END'
Host tango
    HostName tango.example.org
    # Knock: 45123 12876/udp 33210 7419
    ProxyCommand knockpipe %h %p
Host tango-anna
    # Knock: 50211 8812 61002/udp
END
` + before); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			// The pages have a host without a name, too.
			serverRun(t, r.l, "ip", "address", "add", "192.0.2.7/32", "dev", "lo")
			if out, err := r.l.Client.Command("ip", "route", "add", "192.0.2.7", "via", "198.51.100.2").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			commands := regexp.MustCompile(`(?m)^\.Dl \$ (.*)$`).FindAllStringSubmatch(string(text), -1)
			if len(commands) < 5 {
				t.Fatalf("got %d commands: %q", len(commands), commands)
			}
			for _, m := range commands {
				if out, err := r.run(m[1]); err != nil {
					t.Errorf("%s: %v: %s", m[1], err, out)
				}
			}
			if reach(r.l.Behind(t), "203.0.113.1:22") {
				t.Error("port 22 is open to others in the end, and the examples guard it")
			}
		})
	}
}

// TestOtherWalks are those on how to start ssh: as cron does, and with another config.
// Each has a block of its own, and the command.
func TestOtherWalks(t *testing.T) {
	for _, tt := range []struct{ name, heading, config string }{
		{"cron", "## Cron and backups", "config"},
		{"another config", "## VS Code, and ssh -F", "work_config"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			lab.Need(t, "nft", "setsid")
			r := newReader(t)
			r.l.Client.Bind(t, filepath.Dir(binary(t)), "/usr/local/bin") // where cron's line has it
			text, err := os.ReadFile(walks)
			if err != nil {
				t.Fatal(err)
			}
			_, section, _ := strings.Cut(string(text), "\n"+tt.heading+"\n")
			_, block, found := strings.Cut(section, "\n    Host tango\n")
			block, _, _ = strings.Cut(block, "\n\n")
			if !found {
				t.Fatal("it has no block")
			}
			keys, err := os.ReadFile(filepath.Join(r.home, ".ssh/config")) // the user can log in
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(r.home, ".ssh", tt.config)
			if err := os.WriteFile(path, append(keys, "\nHost tango\n"+block+"\n"...), 0o600); err != nil {
				t.Fatal(err)
			}
			if tt.config != "config" { // in which there is nothing then
				if err := os.Remove(filepath.Join(r.home, ".ssh/config")); err != nil {
					t.Fatal(err)
				}
			}
			r.l.Server.Nft(t, printedRules(t, r.l, "nftables", path, "tango", "22"))
			r.follow(t, commandsOf(t, walks, tt.heading), []step{{"echo it works", `^it works\n$`, true, nil}})
		})
	}
}
