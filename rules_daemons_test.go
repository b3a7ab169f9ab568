//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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

// TestRulesKnockd sets the real knockd up by -rules, for random sequences, and opens
// it with the same config.
func TestRulesKnockd(t *testing.T) {
	lab.Need(t, "knockd", "stdbuf", "nft")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	sequences := []string{"", "7000:udp 8000 9000:udp", "4001 4001 4002 udp:4001", strings.TrimSpace(strings.Repeat("5001 5003/udp ", 16))}
	for len(sequences) < 8 {
		sequences = append(sequences, randomKnocks(random))
	}
	for i, sequence := range sequences[1:] {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			d := newDaemonDoor(t, lab.New(t), "knockd", "# Knock: "+sequence+"\n", "22,8022", "knockd.conf")
			flags := "-4"
			if i%2 == 1 {
				flags = "-6"
			}
			d.comment(t, "again at any time:")
			d.l.Server.Daemon(t, "listening on eth0", "stdbuf", "-oL", "knockd", "-v", "-c", "/etc/knockd.conf")
			d.l.Server.Banner(t, 22)
			d.l.Server.Banner(t, 8022)
			d.mustStay(t, "-w 0.3 "+flags, "22", "before", "9")
			if i != 2 { // whose reverse, again and again, is itself
				words := strings.Fields(strings.ReplaceAll(sequence, " pause", ",pause"))
				slices.Reverse(words)
				d.mustStay(t, "-w 0.9 "+flags, "8022", "wrong order", strings.Fields(strings.ReplaceAll(strings.Join(words, " "), ",pause", " pause"))...)
			}
			d.mustOpen(t, flags, "22")
			if !reach(d.l.Client, map[string]string{"-4": "198.51.100.2", "-6": "[2001:db8::2]"}[flags]+":8022") {
				t.Error("the second port is shut")
			}
			if i > 0 {
				return
			}
			behind := d.l.Behind(t)
			if !reach(behind, "203.0.113.1:22") || !reach(behind, "[2001:db8:113::1]:22") {
				t.Error("the LAN needs a knock")
			}
			d.comment(t, "Remove it:")
			if !reach(d.l.Client, "198.51.100.2:22") || !reach(d.l.Client, "[2001:db8::2]:22") {
				t.Error("the port is still shut after the removal")
			}
		})
	}
}

// randomKnocks is a sequence of TCP, UDP and pauses that knockd can express.
func randomKnocks(r *rand.Rand) string {
	var words []string
	for n := 3 + r.IntN(6); n > 0; n-- {
		port := 1024 + r.IntN(7000)
		words = append(words, fmt.Sprintf([]string{"%d", "%d/udp", "udp:%d,text=hi", "%d"}[r.IntN(4)], port))
		if r.IntN(4) == 0 && n > 1 {
			words = append(words, fmt.Sprintf("pause:%dms", 50+r.IntN(200)))
		}
	}
	return strings.Join(words, " ")
}

// TestRulesKnockdClose opens and shuts two doors of one knockd.
func TestRulesKnockdClose(t *testing.T) {
	lab.Need(t, "knockd", "stdbuf", "nft")
	d := newDaemonDoor(t, lab.New(t), "knockd", "# Knock: 7001 7002 7003\n# KnockClose: 7101 7102\n", "22", "knockd.conf")
	d.comment(t, "again at any time:")
	log := d.l.Server.Daemon(t, "listening on eth0", "stdbuf", "-oL", "knockd", "-v", "-c", "/etc/knockd.conf")
	d.l.Server.Banner(t, 22)
	d.mustOpen(t, "-4", "22")
	log.Await("close: OPEN SESAME")
	for deadline := time.Now().Add(5 * time.Second); ; {
		set, err := d.l.Server.Command("nft", "list", "set", "inet", "knockd", "clients4").Output()
		if err == nil && !strings.Contains(string(set), "198.51.100.1") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the door is still open: %v:\n%s", err, set)
		}
	}
}

// TestRulesKnockdOnce opens a door with a list, several times in a row. -rules leaves
// the list alone.
func TestRulesKnockdOnce(t *testing.T) {
	lab.Need(t, "knockd", "stdbuf", "nft")
	l, list := lab.New(t), filepath.Join(t.TempDir(), "list")
	if out, err := knockpipe(t, l, "-once 20 "+list).CombinedOutput(); err != nil {
		t.Fatalf("-once: %v: %s", err, out)
	}
	before, _ := os.ReadFile(list)
	d := newDaemonDoor(t, l, "knockd", "# Knock: once:"+list+"\n", "22", "knockd.conf")
	if after, _ := os.ReadFile(list); string(after) != string(before) {
		t.Errorf("-rules has changed the list:\n%s", after)
	}
	d.run(t, "install -m 600 "+list+" /etc/knockd.sequences")
	d.comment(t, "again at any time:")
	d.l.Server.Daemon(t, "listening on eth0", "stdbuf", "-oL", "knockd", "-v", "-c", "/etc/knockd.conf")
	d.l.Server.Banner(t, 22)
	d.mustStay(t, "-w 0.3 -4", "22", "before", "9")
	for session := range 4 {
		d.mustOpen(t, "-4", "22")
		shutKnockd(t, d.l)
		now, _ := os.ReadFile(list)
		d.run(t, "cmp "+list+" /etc/knockd.sequences")
		if got := strings.Count(string(now), "\n#"); got != session+2 {
			t.Errorf("session %d: the list has\n%s", session, now)
		}
	}
}

// TestRulesFwknopd sets the real fwknopd up by the script that -rules prints, for
// several stanzas, and opens it with the same one.
func TestRulesFwknopd(t *testing.T) {
	lab.Need(t, "fwknopd", "iptables", "ip6tables", "stdbuf")
	for _, tt := range []struct{ name, stanza, ports, closed string }{
		{"plain", keys, "22,8022", "22"},
		{"legacy, another port", "KEY swordfish\nENCRYPTION_MODE legacy\nSPA_SERVER_PORT 5000\nALLOW_IP 198.51.100.1\n", "22", "22"},
		{"base64, HTTP", "KEY_BASE64 c3dvcmRmaXNoAP8=\nHMAC_KEY_BASE64 dHJvdXQ=\nFW_TIMEOUT 400\nSPA_SERVER_PROTO http\nSPA_SERVER_PORT 8022\n", "22", "22"},
		{"sha512", keys + "HMAC_DIGEST_TYPE sha512\nDIGEST_TYPE sha512\nSPOOF_USER alice\nACCESS tcp/22,udp/53\nRAND_PORT Y\n", "22", "22"},
		{"TCP", keys + "SPA_SERVER_PROTO tcp\nSPA_SERVER_PORT 5001\n", "22", "22"},
		{"local NAT", keys + "NAT_ACCESS 198.51.100.2,22\nNAT_LOCAL Y\n", "2222", "22"},
		{"NAT", keys + "NAT_ACCESS 203.0.113.2,22\n", "2222", "2222"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			rc(t, l, "[tango]\n"+tt.stanza)
			d := newDaemonDoor(t, l, "fwknopd", "# Knock: fwknop pause:20\n", tt.ports, "fwknopd.sh")
			port, _, _ := strings.Cut(tt.ports, ",")
			server := l.Server
			if tt.name == "NAT" {
				server = l.Behind(t)
				if out, err := server.Command("ip", "route", "add", "198.51.100.0/24", "via", "203.0.113.1").CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				l.Server.Sysctl(t, "net.ipv4.ip_forward", "1")
			}
			server.Banner(t, 22)
			l.Server.Banner(t, 8022)
			d.comment(t, "kept as FILE~ :")
			if reach(l.Client, "198.51.100.2:"+tt.closed) || reach(l.Client, "[2001:db8::2]:"+tt.closed) {
				t.Error("the port is open before")
			}
			dir := t.TempDir()
			log := l.Server.Daemon(t, "Starting fwknopd main event loop", "stdbuf", "-oL", "fwknopd", "-f", "-v", "-r", dir, "-p", dir+"/pid", "-d", dir+"/digests")
			d.mustStay(t, "-w 0.3", tt.closed, "no packet", "9")
			d.mustOpen(t, "", port)
			log.Await("Added")
			d.comment(t, "kept as FILE~ :") // again, while fwknopd runs
			d.mustOpen(t, "", port)
			if tt.name != "plain" {
				return
			}
			behind := l.Behind(t)
			if !reach(behind, "203.0.113.1:22") || !reach(behind, "[2001:db8:113::1]:22") || !reach(behind, "203.0.113.1:8022") {
				t.Error("the LAN needs a packet")
			}
			if reach(l.Client, "[2001:db8::2]:22") {
				t.Error("the port is open by IPv6")
			}
			d.comment(t, "Remove the firewall's part:")
			if out, err := l.Server.Command("sh", "-c", "iptables -S; ip6tables -S").CombinedOutput(); err != nil || strings.Contains(string(out), "KNOCKPIPE") {
				t.Errorf("after the removal: %v: %s", err, out)
			}
			if !reach(l.Client, "[2001:db8::2]:22") {
				t.Error("the port is still shut after the removal")
			}
		})
	}
}
