//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// loaders are the formats that guard by themselves, and how each is loaded.
var loaders = []struct {
	format string
	need   []string
	load   func(t testing.TB, l *lab.Lab, text string) (remove func())
}{
	{"nftables", []string{"nft", "iptables"}, asTold("knockpipe.nft")},
	{"iptables", []string{"iptables", "ip6tables"}, asTold("knockpipe.sh")},
}

// open opens a door on the lab's server, or tells that it stays shut.
func openDoor(t *testing.T, l *lab.Lab, config, host, port string) error {
	t.Helper()
	out, err := knockpipe(t, l, fmt.Sprintf("-w 4 -f %s -n %s 198.51.100.2 %s", config, host, port)).CombinedOutput()
	if err == nil && string(out) != "SSH-2.0-bench\r\n" {
		err = fmt.Errorf("got %q", out)
	} else if err != nil {
		err = fmt.Errorf("%v: %s", err, out)
	}
	return err
}

// TestRulesTwoDoors loads the rules for one port and then those for another one.
// Neither touches the other, and each can be removed.
func TestRulesTwoDoors(t *testing.T) {
	t.Parallel()
	for _, f := range loaders {
		t.Run(f.format, func(t *testing.T) {
			t.Parallel()
			lab.Need(t, f.need...)
			l := lab.New(t)
			for _, port := range []int{22, 2222, 8022} {
				l.Server.Banner(t, port)
			}
			b := &rulesBench{Lab: l, dir: t.TempDir()}
			config := b.config(t, "Host tango", "# Knock: 7001 7002 7003", "Host anna", "# Knock: 8001 8002 8003", "Host bert", "# Knock: 9001 9002 9003")
			shut := func(when string, ports ...string) {
				t.Helper()
				for _, port := range []string{"22", "2222", "8022"} {
					want := slices.Contains(ports, port)
					for _, host := range []string{"198.51.100.2", "2001:db8::2"} {
						if got := b.reach(host, port) != nil; got != want {
							t.Errorf("%s: %s port %s is shut: got %v, want %v", when, host, port, got, want)
						}
					}
				}
			}
			removeFirst := f.load(t, l, printedRules(t, l, f.format, config, "tango,anna", "22"))
			shut("the first", "22")
			removeSecond := f.load(t, l, printedRules(t, l, f.format, config, "bert", "2222,8022"))
			shut("both", "22", "2222", "8022")
			if err := openDoor(t, l, config, "bert", "22"); err == nil {
				t.Error("the second door's knock opens the first")
			}
			removeSecond() // whom it let in
			removeSecond = f.load(t, l, printedRules(t, l, f.format, config, "bert", "2222,8022"))
			for _, host := range []string{"tango", "anna"} {
				if err := openDoor(t, l, config, host, "22"); err != nil {
					t.Errorf("%s: %v", host, err)
				}
				removeFirst()
				shut("the first is removed", "2222", "8022")
				removeFirst = f.load(t, l, printedRules(t, l, f.format, config, "tango,anna", "22"))
				shut("the first is loaded again", "22", "2222", "8022")
			}
			// Half of one's knock and half of the other's is none.
			if out, err := knockpipe(t, l, "-k -f none 198.51.100.2 22 7001 8002 7003 8003 7002 8001").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			shut("mixed", "22", "2222", "8022")
			if err := openDoor(t, l, config, "bert", "8022"); err != nil {
				t.Errorf("bert: %v", err)
			}
			removeSecond()
			shut("the second is removed", "22")
			removeFirst()
			shut("none is left")
		})
	}
}

// dockerLike leads ports elsewhere as Docker does: port 8080 of the server to port 80
// of the host behind it, by chains of iptables. Port 2222 of the server is its own port
// 22, and so is port 2200 of an address that it does not have.
const dockerLike = `*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 203.0.113.0/24 ! -o eth1 -j MASQUERADE
-A DOCKER ! -i eth1 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 203.0.113.2:80
-A DOCKER ! -i eth1 -p tcp -m tcp --dport 8081 -j DNAT --to-destination 203.0.113.2:80
-A PREROUTING -p tcp --dport 2222 -j REDIRECT --to-ports 22
-A PREROUTING -d 192.0.2.77 -p tcp --dport 2200 -j DNAT --to-destination 198.51.100.2:22
COMMIT
*filter
:DOCKER-USER - [0:0]
:FORWARD DROP [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 203.0.113.2/32 -p tcp -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
`

// ufwLike drops by default, as ufw does, and accepts what its user allowed.
const ufwLike = `*filter
:INPUT DROP [0:0]
:ufw-before-input - [0:0]
:ufw-user-input - [0:0]
-A INPUT -j ufw-before-input
-A INPUT -j ufw-user-input
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-user-input -p tcp -m multiport --dports 22,2222,8022 -j ACCEPT
COMMIT
`

// TestRulesBeforeNAT guards ports that are forwarded elsewhere.
func TestRulesBeforeNAT(t *testing.T) {
	t.Parallel()
	for _, f := range loaders {
		t.Run(f.format, func(t *testing.T) {
			t.Parallel()
			lab.Need(t, f.need...)
			l := lab.New(t)
			behind := l.Behind(t)
			for _, command := range []struct {
				host *lab.Host
				line string
			}{
				{behind, "ip route add default via 203.0.113.1"},
				{l.Client, "ip route add 203.0.113.0/24 via 198.51.100.2"},
				{l.Client, "ip route add 192.0.2.0/24 via 198.51.100.2"},
			} {
				words := strings.Fields(command.line)
				if out, err := command.host.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
					t.Fatalf("%s: %v: %s", command.line, err, out)
				}
			}
			l.Server.Sysctl(t, "net.ipv4.ip_forward", "1")
			behind.Banner(t, 80)
			behind.Banner(t, 22)
			l.Server.Banner(t, 22)
			serverRun(t, l, "sh", "-c", "iptables-restore --noflush <<'END'\n"+dockerLike+"END")
			all := []string{"198.51.100.2:22", "198.51.100.2:2222", "192.0.2.77:2200", "198.51.100.2:8080"}
			others := []string{"198.51.100.2:8081", "203.0.113.2:22", "203.0.113.2:80"}
			check := func(when string, want bool, addresses []string) {
				t.Helper()
				for _, address := range addresses {
					if got := reach(l.Client, address); got != want {
						t.Errorf("%s: %s is open: got %v, want %v", when, address, got, want)
					}
				}
			}
			check("before", true, all)
			check("before", true, others)
			b := &rulesBench{Lab: l, dir: t.TempDir()}
			config := b.config(t, "# Knock: 7001 7002 7003")
			remove := f.load(t, l, printedRules(t, l, f.format, config, "tango", "22,8080"))
			check("guarded", false, all)
			check("guarded", true, others)
			for _, port := range []string{"22", "8080"} {
				if err := openDoor(t, l, config, "tango", port); err != nil {
					t.Errorf("port %s: %v", port, err)
				}
			}
			check("after the knock", true, all)
			remove()
			check("removed", true, all)
		})
	}
}

// TestRulesSession checks that a session from before the guard goes on, even if
// connection tracking has never seen it or is switched off for it.
func TestRulesSession(t *testing.T) {
	t.Parallel()
	for _, f := range loaders {
		for _, beside := range []struct{ name, rules string }{
			{"alone", ""},
			{"notrack", "*raw\n-A PREROUTING -p tcp --dport 22 -j CT --notrack\n-A OUTPUT -p tcp --sport 22 -j CT --notrack\nCOMMIT\n"},
		} {
			t.Run(f.format+"/"+beside.name, func(t *testing.T) {
				t.Parallel()
				lab.Need(t, f.need...)
				l := lab.New(t)
				listener := l.Server.Listen(t, "tcp4", ":22")
				go func() {
					for {
						conn, err := listener.Accept()
						if err != nil {
							return
						}
						go io.Copy(conn, conn)
					}
				}()
				conn, err := l.Client.Dial("tcp4", "198.51.100.2:22", 10*time.Second)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				echoes(t, conn, "before")
				if beside.rules != "" {
					serverRun(t, l, "sh", "-c", "iptables-restore --noflush <<'END'\n"+beside.rules+"END")
				}
				b := &rulesBench{Lab: l, dir: t.TempDir()}
				text := printedRules(t, l, f.format, b.config(t, "# Knock: 7001 7002 7003"), "tango", "22")
				remove := f.load(t, l, text)
				echoes(t, conn, "guarded")
				remove()
				echoes(t, conn, "removed")
				f.load(t, l, text)
				echoes(t, conn, "guarded again")
				if reach(l.Client, "198.51.100.2:22") {
					t.Error("open to who has not knocked")
				}
			})
		}
	}
}

// echoes has the other side of a connection say the same.
func echoes(t *testing.T, conn net.Conn, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(conn, line); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if got, err := bufio.NewReader(conn).ReadString('\n'); err != nil || got != line+"\n" {
		t.Fatalf("%s: got %q, %v", line, got, err)
	}
}

// TestRulesKnockAtDoor knocks at a port that other rules guard, which were loaded before
// or after. The door must open in both cases.
func TestRulesKnockAtDoor(t *testing.T) {
	t.Parallel()
	for _, f := range loaders {
		t.Run(f.format, func(t *testing.T) {
			t.Parallel()
			lab.Need(t, f.need...)
			l := lab.New(t)
			l.Server.Banner(t, 22)
			b := &rulesBench{Lab: l, dir: t.TempDir()}
			config := b.config(t, "Host tango", "# Knock: 7001 8022 7003", "Host anna", "# Knock: 8001 8002 8003")
			load := func(host, port string) { f.load(t, l, printedRules(t, l, f.format, config, host, port)) }
			load("tango", "22")
			load("anna", "8022")
			if err := openDoor(t, l, config, "tango", "22"); err != nil {
				t.Errorf("loaded before the other port's: %v", err)
			}
			load("tango", "22")
			if err := openDoor(t, l, config, "tango", "22"); err != nil {
				t.Errorf("loaded after the other port's: %v", err)
			}
		})
	}
}

// TestRulesHead puts a rule that lets everybody in before the jump of the iptables
// script. Loading the script again must shut the port.
func TestRulesHead(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"iptables", "iptables-legacy"} {
		t.Run(name, func(t *testing.T) {
			lab.Need(t, name)
			l := lab.New(t)
			if name != "iptables" {
				l.Server.Bind(t, realPath(t, name), realPath(t, "iptables"))
			}
			load := printedDoor("iptables", "knockpipe.sh")
			load(t, l)
			l.Server.Banner(t, 22)
			if out, err := l.Server.Command("iptables", "-I", "INPUT", "-p", "tcp", "--dport", "22", "-j", "ACCEPT").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			load(t, l)
			if reach(l.Client, "198.51.100.2:22") {
				t.Error("loading the rules again does not shut the port")
			}
			if out, err := knockpipe(t, l, "198.51.100.2 22 "+sequence).CombinedOutput(); err != nil || string(out) != "SSH-2.0-bench\r\n" {
				t.Errorf("by a knock: got %q, %v", out, err)
			}
		})
	}
}

// TestRulesUfw guards beside rules that drop by default.
func TestRulesUfw(t *testing.T) {
	t.Parallel()
	for _, f := range loaders {
		t.Run(f.format, func(t *testing.T) {
			t.Parallel()
			lab.Need(t, f.need...)
			l := lab.New(t)
			l.Server.Banner(t, 22)
			l.Server.Banner(t, 80)
			serverRun(t, l, "sh", "-c", "iptables-restore --noflush <<'END'\n"+ufwLike+"END")
			b := &rulesBench{Lab: l, dir: t.TempDir()}
			config := b.config(t, "# Knock: 7001 7002 7003")
			remove := f.load(t, l, printedRules(t, l, f.format, config, "tango", "22"))
			if reach(l.Client, "198.51.100.2:22") || reach(l.Client, "198.51.100.2:80") {
				t.Error("open without a knock")
			}
			if err := openDoor(t, l, config, "tango", "22"); err != nil {
				t.Error(err)
			}
			if reach(l.Client, "198.51.100.2:80") {
				t.Error("a port that ufw drops is open")
			}
			remove()
			if !reach(l.Client, "198.51.100.2:22") || reach(l.Client, "198.51.100.2:80") {
				t.Error("removed, ufw's rules are not what they were")
			}
		})
	}
}
