//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// allKinds is what testdata/doors/payload.nft opens to.
const allKinds = "udp:7000,text=open 7100/udp,hex=0a0b0c0d udp:7200,size=64 icmp,size=95 pause:20 7300"

// TestKinds opens a door that needs every kind of knock. It does not open if any of them
// is wrong.
func TestKinds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, knock string
		opens       bool
	}{
		{"other text", strings.Replace(allKinds, "open", "opem", 1), false},
		{"text that is too short", strings.Replace(allKinds, "open", "ope", 1), false},
		{"other bytes", strings.Replace(allKinds, "0d", "0e", 1), false},
		{"other size", strings.Replace(allKinds, "64", "63", 1), false},
		{"other echo", strings.Replace(allKinds, "95", "94", 1), false},
		{"all right", allKinds, true},
		{"with a connection", strings.Replace(allKinds, " 7300", " tcp:7300,connect", 1), true},
	}
	for _, tt := range tests {
		for _, link := range []lab.Link{{Delay: 5 * time.Millisecond}, {Delay: 25 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.02}} {
			t.Run(fmt.Sprint(tt.name, link.Loss), func(t *testing.T) {
				t.Parallel()
				l := lab.New(t, link)
				l.Server.NftFile(t, "testdata/doors/payload.nft")
				l.Server.Banner(t, 22)
				for _, addr := range []string{"198.51.100.2", "2001:db8::2"} {
					limit := "-w 8 "
					if !tt.opens {
						limit = "-w 0.5 "
					}
					out, err := knockpipe(t, l, limit+addr+" 22 "+tt.knock).CombinedOutput()
					if opened := err == nil && string(out) == "SSH-2.0-bench\r\n"; opened != tt.opens {
						t.Errorf("%s: got %q, %v; open is %v, want %v", addr, out, err, opened, tt.opens)
					}
				}
				want := 0
				if tt.opens {
					want = 2
				}
				if got := l.Server.Handshakes(t); got < want || !strings.Contains(tt.knock, "connect") && got > want {
					t.Errorf("the server's kernel completed %d handshakes, want %d", got, want)
				}
			})
		}
	}
}

// TestPing sends ICMP knocks as a user who may not open raw sockets.
func TestPing(t *testing.T) {
	nobody := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	tests := []struct {
		name, groups, want string
	}{
		{"not permitted", "1 0", "knockpipe: %s: knock 1 of 1 (icmp): no permission to send an echo request: as root, include your group in the range of sysctl net.ipv4.ping_group_range\n"},
		{"permitted", "0 2147483647", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			l.Client.Sysctl(t, "net.ipv4.ping_group_range", tt.groups)
			for _, addr := range []string{"198.51.100.2", "2001:db8::2"} {
				wire := l.Client.Sniff(t)
				cmd := l.Client.Command(readable(t), "-f", "none", "-k", addr, "22", "icmp,size=95")
				cmd.Dir = "/"
				cmd.SysProcAttr = nobody
				out, _ := cmd.CombinedOutput()
				want := tt.want
				if want != "" {
					want = fmt.Sprintf(want, addr)
				}
				if string(out) != want {
					t.Errorf("%s: got %q, want %q", addr, out, want)
				}
				if tt.want == "" {
					wire.Await(func(p lab.Packet) bool { return p.Out && p.Proto == "icmp" && p.Payload == 95 })
				}
			}
		})
	}
}

// TestEcho sends echo requests that the server answers, so that they are whole, each
// with an id of its own: by ping sockets, and by raw ones.
func TestEcho(t *testing.T) {
	t.Parallel()
	const ids = `table inet ids {
	set ids4 { typeof icmp id; flags dynamic; size 65535; }
	set ids6 { typeof icmpv6 id; flags dynamic; size 65535; }
	counter answers4 { }
	counter answers6 { }
	chain input {
		type filter hook input priority 0; policy accept;
		icmp type echo-request update @ids4 { icmp id }
		icmpv6 type echo-request update @ids6 { icmpv6 id }
	}
	chain output {
		type filter hook output priority 0; policy accept;
		icmp type echo-reply counter name answers4
		icmpv6 type echo-reply counter name answers6
	}
}`
	for name, groups := range map[string]string{"raw": "1 0", "ping": "0 2147483647"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			l.Server.Nft(t, ids)
			l.Client.Sysctl(t, "net.ipv4.ping_group_range", groups)
			for family, addr := range map[string]string{"4": "198.51.100.2", "6": "2001:db8::2"} {
				if out, err := knockpipe(t, l, "-k "+addr+" 22 icmp,size=95 icmp,size=0 icmp icmp,size=1472 icmp,size=9001 icmp").CombinedOutput(); err != nil || len(out) > 0 {
					t.Fatalf("%v: %s", err, out)
				}
				list := func(kind, name string) string {
					out, err := l.Server.Command("nft", "list", kind, "inet", "ids", name).CombinedOutput()
					if err != nil {
						t.Fatalf("nft: %v: %s", err, out)
					}
					return string(out)
				}
				_, elements, _ := strings.Cut(list("set", "ids"+family), "elements = {")
				if got := strings.Count(elements, ",") + 1; got != 6 {
					t.Errorf("IPv%s: %d ids, want 6: %s", family, got, elements)
				}
				if got, want := list("counter", "answers"+family), "packets 6 "; !strings.Contains(got, want) {
					t.Errorf("IPv%s: got %s, want %q", family, got, want)
				}
			}
		})
	}
}

// TestConnectKnock has whole handshakes among the knocks. Their SYNs leave in the
// order of the sequence, one each, and they are over before the process ends.
func TestConnectKnock(t *testing.T) {
	t.Parallel()
	const knocks = "7200,connect 7050 7060 tcp:7100,connect"
	l := lab.New(t, lab.Link{Delay: 20 * time.Millisecond})
	l.Server.Nft(t, `table inet silent { chain input { type filter hook input priority 0; tcp dport { 22, 7060, 7200 } drop; }; }`)
	server := l.Server.Banner(t, 7100)
	l.Server.Banner(t, 2222)
	wire := l.Client.Sniff(t)
	order := func(since int) string {
		var ports []string
		for _, p := range wire.Packets()[since:] {
			if p.Out && p.SYN && p.Dst.Port() > 7000 {
				ports = append(ports, fmt.Sprint(p.Dst.Port()))
			}
		}
		return strings.Join(ports, " ")
	}
	for name, end := range map[string]func() *lab.Cmd{
		"-k": func() *lab.Cmd { return knockpipe(t, l, "-k 198.51.100.2 22 "+knocks) },
		"KnockClose": func() *lab.Cmd {
			config := t.TempDir() + "/config"
			if err := os.WriteFile(config, []byte("# KnockClose: "+knocks+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return knockpipe(t, l, "-f "+config+" 198.51.100.2 2222")
		},
	} {
		seen, accepted := len(wire.Packets()), server.Accepted()
		if out, err := end().CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		if got, want := order(seen), "7200 7050 7060 7100"; !strings.HasSuffix(got, want) {
			t.Errorf("%s: the SYNs left in the order %s, want %s", name, got, want)
		}
		var first []time.Time // of each sending
		for _, p := range wire.Packets()[seen:] {
			if p.Out && p.SYN && p.Dst.Port() == 7200 {
				first = append(first, p.Time)
			}
		}
		for i := 1; i < len(first); i++ {
			if gap := first[i].Sub(first[i-1]); gap < 800*time.Millisecond {
				t.Errorf("%s: the sequence is sent again after %v, with its connections open", name, gap)
			}
		}
		if !server.Await(accepted) {
			t.Fatalf("%s: the handshake was not completed", name)
		}
	}
	for range 10 {
		seen := len(wire.Packets())
		knockpipe(t, l, "-w 0.2 198.51.100.2 22 "+knocks).Run()
		if got, want := order(seen), "7200 7050 7060 7100"; !strings.HasPrefix(got, want) {
			t.Fatalf("the SYNs left in the order %s, want %s", got, want)
		}
	}
}

// TestKnockHost knocks at a router in front, and connects to the host.
func TestKnockHost(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	addAddress("198.51.100.3/24")(t, &lab.Lab{Client: l.Server})
	addAddress("2001:db8::3/64")(t, &lab.Lab{Client: l.Server})
	l.Server.NftFile(t, "examples/nftables.conf")
	l.Server.Banner(t, 22)
	l.Client.WriteFile(t, "/etc/hosts", "2001:db8::3 gate\n198.51.100.3 gate\n")
	config := t.TempDir() + "/config"
	if err := os.WriteFile(config, []byte("KnockHost gate\nKnock "+sequence+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wire := l.Client.Sniff(t)
	for host, gate := range map[string]string{"198.51.100.2": "198.51.100.3", "2001:db8::2": "2001:db8::3"} {
		seen := len(wire.Packets())
		out, err := knockpipe(t, l, "-f "+config+" "+host+" 22").CombinedOutput()
		if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
			t.Errorf("%s: got %q, %v, want %q", host, out, err, want)
		}
		for _, p := range wire.Packets()[seen:] {
			want := gate
			if p.Dst.Port() == 22 {
				want = host
			}
			if p.Out && p.Dst.Addr().String() != want {
				t.Errorf("%v, want it to go to %s", p, want)
			}
		}
	}
}

// readable is a copy of the binary where every user finds it.
func readable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	path := dir + "/knockpipe"
	if out, err := exec.Command("cp", binary(t), path).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
	for d := dir; d != "/tmp" && d != "/"; d = d[:strings.LastIndex(d, "/")] {
		exec.Command("chmod", "755", d).Run()
	}
	return path
}
