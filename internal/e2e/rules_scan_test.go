//go:build linux

package e2e

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// A scanned door is one that a port scan may not open.
var scannedDoors = []struct {
	name string
	set  func(t *testing.T, l *lab.Lab)
	// slow is a door that takes a scanner for one for a while after the scan.
	slow bool
}{
	{name: "examples/nftables.conf", set: func(t *testing.T, l *lab.Lab) { l.Server.NftFile(t, "examples/nftables.conf") }},
	{name: "examples/knockd.conf", slow: true, set: func(t *testing.T, l *lab.Lab) { knockd(t, l) }},
	{name: "nftables", set: printedDoor("nftables", "knockpipe.nft")},
	{name: "iptables", set: printedDoor("iptables", "knockpipe.sh")},
	{name: "iptables-legacy", set: func(t *testing.T, l *lab.Lab) {
		lab.Need(t, "iptables-legacy", "ip6tables-legacy")
		l.Server.Bind(t, realPath(t, "iptables-legacy"), realPath(t, "iptables"))
		printedDoor("iptables", "knockpipe.sh")(t, l)
	}},
	{name: "knockd", slow: true, set: func(t *testing.T, l *lab.Lab) {
		lab.Need(t, "knockd", "stdbuf", "nft")
		d := newDaemonDoor(t, l, "knockd", "# Knock: "+sequence+"\n", "22", "knockd.conf")
		d.knockd(t)
	}},
}

// printedDoor is what -rules prints for the sequence that all guards have.
func printedDoor(format, file string) func(t *testing.T, l *lab.Lab) {
	return func(t *testing.T, l *lab.Lab) {
		lab.Need(t, map[string]string{"nftables": "nft", "iptables": "iptables"}[format])
		config := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(config, []byte("# Knock: "+sequence+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		text := printedRules(t, l, format, config, "tango")
		// As small as it can be, so that a test can fill it.
		text = strings.ReplaceAll(text, "--hashlimit-htable-max 262144", "--hashlimit-htable-max 16384")
		asTold(file)(t, l, text)
	}
}

// TestRulesScan lets someone who does not know the knock send SYNs to all ports, fast
// enough to reach all within the time of one knock: in ascending order, in which the
// ports of the knock are, and in random order. SCANS=6 does it six times each, as `make
// scan`.
func TestRulesScan(t *testing.T) {
	passes := 1
	if n, err := strconv.Atoi(os.Getenv("SCANS")); err == nil {
		passes = n
	}
	t.Parallel() // beside others, but one scan after the other
	for _, door := range scannedDoors {
		t.Run(door.name, func(t *testing.T) {
			l := lab.New(t)
			door.set(t, l)
			l.Server.Banner(t, 22)
			ports := allPorts()
			scan := func(order string, src, dst netip.Addr) {
				t.Helper()
				took := l.Client.Flood(t, 40_000, syns(src, dst, ports))
				t.Logf("%s: %.0f SYNs a second", order, float64(len(ports))/took.Seconds())
				if reach(l.Client, net22(dst)) {
					t.Errorf("%s: a port scan has opened the door", order)
				}
			}
			for range passes {
				scan("ascending", l.Client.IP4, l.Server.IP4)
			}
			if !strings.HasPrefix(door.name, "examples") && door.name != "iptables-legacy" { // which are much the same
				scan("ascending, IPv6", l.Client.IP6, l.Server.IP6)
			}
			rand.Shuffle(len(ports), func(i, j int) { ports[i], ports[j] = ports[j], ports[i] })
			for range passes {
				scan("random", l.Client.IP4, l.Server.IP4)
			}
			owner := second(t, l)
			if out, err := knockpipe(t, l, fmt.Sprint("-s ", owner, " 198.51.100.2 22 ", sequence)).CombinedOutput(); err != nil || string(out) != "SSH-2.0-bench\r\n" {
				t.Errorf("the owner, after the scans: got %q, %v", out, err)
			}
			if door.slow {
				return
			}
			if out, err := knockpipe(t, l, "198.51.100.2 22 "+sequence).CombinedOutput(); err != nil || string(out) != "SSH-2.0-bench\r\n" {
				t.Errorf("the owner, from where the scans came: got %q, %v", out, err)
			}
		})
	}
}

// TestRulesScanOdd scans with packets that knockd may take for a SYN, though the kernel
// does not or drops them early. The other doors see what the kernel sees.
func TestRulesScanOdd(t *testing.T) {
	t.Parallel()
	ports := allPorts()
	for _, door := range scannedDoors {
		if !door.slow {
			continue
		}
		for _, tt := range []struct {
			name  string
			odd   lab.Probe
			early string // another table
		}{
			{name: "SYN and FIN", odd: lab.Probe{Flags: lab.FIN}},
			{name: "SYN and RST", odd: lab.Probe{Flags: lab.RST}},
			{name: "fragments", odd: lab.Probe{Fragment: true}},
			{name: "dropped", early: "table inet early { chain raw { type filter hook prerouting priority raw; iif lo accept; tcp dport != { 9, 22 } drop; }; }"},
		} {
			t.Run(door.name+", "+tt.name, func(t *testing.T) {
				t.Parallel()
				l := lab.New(t)
				door.set(t, l)
				l.Server.Banner(t, 22)
				// With connection tracking, the kernel waits for all fragments before prerouting.
				l.Server.Nft(t, "table inet tracking { chain input { type filter hook input priority 0; ct state established accept; }; }")
				if tt.early != "" {
					l.Server.Nft(t, tt.early)
				}
				l.Client.Flood(t, 50, syns(l.Client.IP4, l.Server.IP4, []uint16{9})) // is counted
				l.Client.Flood(t, 40_000, func(yield func(lab.Probe) bool) {
					for p := range syns(l.Client.IP4, l.Server.IP4, ports) {
						p.Flags, p.Fragment = tt.odd.Flags, tt.odd.Fragment
						if !yield(p) {
							return
						}
					}
				})
				staysShut(t, l)
			})
		}
	}
}

// TestRulesScanUDP scans a door of knockd that UDP opens, by whole packets and by fragments.
func TestRulesScanUDP(t *testing.T) {
	t.Parallel()
	lab.Need(t, "knockd", "stdbuf", "nft")
	for _, fragments := range []bool{false, true} {
		t.Run(fmt.Sprintf("fragments %v", fragments), func(t *testing.T) {
			t.Parallel()
			d := newDaemonDoor(t, lab.New(t), "knockd", "# Knock: 7000:udp 8000:udp 9000:udp\n", "22", "knockd.conf")
			d.knockd(t)
			d.l.Server.Banner(t, 22)
			d.l.Client.Flood(t, 5000, func(yield func(lab.Probe) bool) {
				for port := range uint16(10_000) {
					p := lab.Probe{Proto: "udp", Src: netip.AddrPortFrom(d.l.Client.IP4, 999), Dst: netip.AddrPortFrom(d.l.Server.IP4, port), Fragment: fragments}
					if !yield(p) {
						return
					}
				}
			})
			staysShut(t, d.l)
		})
	}
}

// TestRulesConnects connects to an open port much more often than a sender may knock.
func TestRulesConnects(t *testing.T) {
	t.Parallel()
	for _, door := range scannedDoors {
		t.Run(door.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			door.set(t, l)
			l.Server.Banner(t, 22)
			for src, dst := range map[netip.Addr]netip.Addr{l.Client.IP4: l.Server.IP4, l.Client.IP6: l.Server.IP6} {
				if out, err := knockpipe(t, l, fmt.Sprint(dst, " 22 ", sequence)).CombinedOutput(); err != nil {
					t.Fatalf("%v: got %q, %v", dst, out, err)
				}
				l.Client.Flood(t, 10_000, syns(src, dst, slices.Repeat([]uint16{22}, 1000)))
				if !reach(l.Client, net22(dst)) {
					t.Errorf("%v: shut by connects", dst)
				}
			}
		})
	}
}

// TestRulesKnocks6 sends fewer SYNs over IPv6 than a sender may. Each counts once.
//
// knockd reads no IPv6 on the devices of the lab's links, so the client is let in by hand.
func TestRulesKnocks6(t *testing.T) {
	t.Parallel()
	for _, door := range scannedDoors {
		if !door.slow {
			continue
		}
		t.Run(door.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			door.set(t, l)
			l.Server.Banner(t, 22)
			l.Client.Flood(t, 1000, syns(l.Client.IP6, l.Server.IP6, slices.Repeat([]uint16{9}, 190)))
			l.Server.Nft(t, fmt.Sprintf("add element inet knockpipe_22 clients6 { %v timeout 10s }", l.Client.IP6))
			if !reach(l.Client, net22(l.Server.IP6)) {
				t.Error("shut to someone who sends less than a scan does")
			}
		})
	}
}

// TestRulesScanFull fills the set that detects scanners with forged addresses. Nobody's
// knocks may count then.
func TestRulesScanFull(t *testing.T) {
	t.Parallel()
	for _, door := range scannedDoors {
		t.Run(door.name, func(t *testing.T) {
			l := lab.New(t)
			door.set(t, l)
			l.Server.Banner(t, 22)
			many := 70_000
			if strings.HasPrefix(door.name, "iptables") {
				many = 25_000
			}
			l.Client.Flood(t, 400_000, func(yield func(lab.Probe) bool) {
				for i := range many {
					src := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
					if !yield(lab.Probe{Proto: "tcp", Src: netip.AddrPortFrom(src, 999), Dst: netip.AddrPortFrom(l.Server.IP4, 9)}) {
						return
					}
				}
			})
			var knocks []uint16
			for _, word := range strings.Fields(sequence) {
				port, _ := strconv.Atoi(word)
				knocks = append(knocks, uint16(port))
			}
			l.Client.Flood(t, 50, syns(l.Client.IP4, l.Server.IP4, knocks))
			if reach(l.Client, "198.51.100.2:22") {
				t.Error("open, though the set of rates is full")
			}
		})
	}
}

// TestRulesScanBothFull fills the set of scanners as well as the set of rates, in which
// a scanner has come to be before. What tells scanners cannot tell this one any more.
func TestRulesScanBothFull(t *testing.T) {
	t.Parallel()
	for _, door := range scannedDoors {
		if !door.slow { // the others have no set of scanners
			continue
		}
		t.Run(door.name, func(t *testing.T) {
			l := lab.New(t)
			door.set(t, l)
			l.Server.Banner(t, 22)
			l.Client.Flood(t, 50, syns(l.Client.IP4, l.Server.IP4, []uint16{9}))
			l.Client.Flood(t, 400_000, func(yield func(lab.Probe) bool) {
				for i := range 150_000 {
					src := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
					if !yield(lab.Probe{Proto: "tcp", Src: netip.AddrPortFrom(src, 999), Dst: netip.AddrPortFrom(l.Server.IP4, 9)}) {
						return
					}
				}
			})
			ports := slices.Repeat([]uint16{9}, 2000)
			for _, word := range strings.Fields(sequence) {
				port, _ := strconv.Atoi(word)
				ports = append(ports, uint16(port))
			}
			l.Client.Flood(t, 5000, syns(l.Client.IP4, l.Server.IP4, ports))
			staysShut(t, l)
		})
	}
}

// TestRulesNAT lets six machines behind one address knock at once, as fast as they do in
// their first second.
func TestRulesNAT(t *testing.T) {
	t.Parallel()
	for _, door := range scannedDoors {
		if door.slow { // knockd tells senders by their address, and one spoils the other's knock
			continue
		}
		t.Run(door.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			door.set(t, l)
			var machines []*lab.Cmd
			for range 6 {
				cmd := knockpipe(t, l, "198.51.100.2 22 "+sequence)
				cmd.Env = append(cmd.Env, "XDG_STATE_HOME="+t.TempDir(), "XDG_RUNTIME_DIR="+t.TempDir())
				machines = append(machines, cmd)
			}
			// sshd is not there for the first second, in which all send what they can.
			var wg sync.WaitGroup
			for i, cmd := range machines {
				wg.Go(func() {
					if out, err := cmd.CombinedOutput(); err != nil || string(out) != "SSH-2.0-bench\r\n" {
						t.Errorf("machine %d: got %q, %v", i, out, err)
					}
				})
			}
			time.Sleep(time.Second) // how long they are kept outside, which nothing waits for
			l.Server.Banner(t, 22)
			wg.Wait()
		})
	}
}

// second gives the client another address, and returns it.
func second(t *testing.T, l *lab.Lab) netip.Addr {
	t.Helper()
	if out, err := l.Client.Command("ip", "addr", "add", "198.51.100.9/24", "dev", "eth0").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return netip.MustParseAddr("198.51.100.9")
}

// staysShut fails the test if a scan has opened knockd's door, which takes knockd a moment.
// How long it looks decides no test that is to pass.
func staysShut(t *testing.T, l *lab.Lab) {
	t.Helper()
	for began := time.Now(); time.Since(began) < 2*time.Second; time.Sleep(50 * time.Millisecond) {
		if reach(l.Client, "198.51.100.2:22") {
			t.Fatal("a scan has opened the door")
		}
	}
}

// allPorts is every port, in ascending order.
func allPorts() []uint16 {
	ports := make([]uint16, 65535)
	for i := range ports {
		ports[i] = uint16(i + 1)
	}
	return ports
}

func net22(addr netip.Addr) string { return netip.AddrPortFrom(addr, 22).String() }

// syns begins a connection to each port.
func syns(src, dst netip.Addr, ports []uint16) iter.Seq[lab.Probe] {
	return func(yield func(lab.Probe) bool) {
		for _, port := range ports {
			if !yield(lab.Probe{Proto: "tcp", Src: netip.AddrPortFrom(src, 999), Dst: netip.AddrPortFrom(dst, port)}) {
				return
			}
		}
	}
}
