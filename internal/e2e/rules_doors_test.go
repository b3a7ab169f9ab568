//go:build linux

package e2e

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
	"knockpipe/knock"
)

// TestRulesHard tries doors that are easy to get wrong.
func TestRulesHard(t *testing.T) {
	t.Parallel()
	bytes := func(n int) string { return strings.Repeat("a5", n) }
	long := longest()
	tests := []struct {
		knock, wrong string
		settings     []string
	}{
		{knock: "7000 7000 7000", wrong: "7000 7000"},
		{knock: "7000 8000 7000", wrong: "7000 7000 8000"},
		{knock: "7000 7000/udp 7000", wrong: "7000 7000 7000"},
		{knock: "icmp,size=95 icmp,size=95", wrong: "icmp,size=95"},
		{knock: "icmp,size=0 icmp,size=5000", wrong: "icmp,size=0 icmp,size=5001"},
		{knock: "udp:7000 udp:7000,text=x", wrong: "udp:7000,text=x udp:7000"},
		{knock: "udp:7000,hex=" + bytes(16), wrong: "udp:7000,hex=" + bytes(15) + "a4"},
		{knock: "udp:7000,hex=" + bytes(256), wrong: "udp:7000,hex=" + bytes(255) + "a4"},
		{knock: "udp:7000,hex=" + bytes(257), wrong: "udp:7000,hex=" + bytes(256)},
		{knock: "udp:7000,size=9000", wrong: "udp:7000,size=9001"},
		{knock: "tcp:7000,connect tcp:8000,connect", wrong: "tcp:8000,connect tcp:7000,connect"},
		{knock: strings.Join(long, " "), wrong: strings.Join(long[1:], " ")},
		{knock: "22 7000"}, // a guarded port is a knock's, too
		{knock: "7000 pause:2500 8000", wrong: "7000"},                             // longer than the scheme's usual time
		{knock: "7000 8000 pause:400", settings: []string{"# KnockDelay: 1200ms"}}, // and all of it slowly
	}
	for _, f := range rulesFormats {
		if !f.firewall {
			continue
		}
		inTurn(t, f, len(tests), func(t *testing.T, b *rulesBench, i int) {
			tt := tests[i]
			wrong, err := knock.Parse(strings.Fields(tt.wrong))
			if err != nil {
				t.Fatal(err)
			}
			d := newKnock(strings.Fields(tt.knock)...)
			d.settings = tt.settings
			b.roundTrip(t, "hard door", d, wrong)
		})
	}
}

// longest is as long a sequence as there is.
func longest() []string {
	words := make([]string, knock.MaxSteps)
	for i := range words {
		words[i] = fmt.Sprint(60000 - i)
	}
	return words
}

// TestRulesClose shuts the door by the sequence in reverse, and not by what a
// client sends to open it.
func TestRulesClose(t *testing.T) {
	t.Parallel()
	for _, f := range rulesFormats {
		if !f.closes {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			b := newRulesBench(t, f)
			for _, host := range []string{"198.51.100.2", "2001:db8::2"} {
				config := b.config(t, "Knock 7000 8000/udp 9000 9500", "KnockClose 9500 9000 8000/udp 7000")
				remove := b.load(t, b.Lab, b.printed(t, config, host))
				send := func(knocks string) {
					t.Helper()
					if out, err := knockpipe(t, b.Lab, "-k -f none "+host+" 22 "+knocks).CombinedOutput(); err != nil {
						t.Fatalf("%v: %s", err, out)
					}
				}
				for range 4 {
					send("7000 8000/udp 9000 9500")
				}
				send("7000") // with what is left of the others, the sequence in reverse
				if err := b.reach(host, "22"); err != nil {
					t.Errorf("%s: shut by the knocks that open it: %v", host, err)
				}
				cmd := knockpipe(t, b.Lab, "-f "+config+" "+host+" 22")
				if out, err := cmd.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "SSH-") {
					t.Errorf("%s: got %q, %v, want a banner", host, out, err)
				}
				if b.reach(host, "22") == nil {
					t.Errorf("%s: open after the closing sequence", host)
				}
				remove()
			}
			words := longest()
			config := b.config(t, "Knock "+strings.Join(words, " "), "KnockClose "+strings.Join(words[1:], " "))
			b.load(t, b.Lab, b.printed(t, config, "tango"))()
		})
	}
}

// TestRulesLAN lets in the networks of -lan without a knock, and no others.
func TestRulesLAN(t *testing.T) {
	t.Parallel()
	for _, f := range rulesFormats {
		if !f.lan {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			b := newRulesBench(t, f)
			for _, tt := range []struct {
				lan  string
				open [2]bool // by IPv4, by IPv6
			}{
				{"198.51.100.128/25,2001:db8:1::/48", [2]bool{false, false}},
				{"192.0.2.0/24,198.51.100.0/24", [2]bool{true, false}},
				{"2001:db8::1/128,192.0.2.0/24", [2]bool{false, true}},
				{"198.51.0.0/16,198.51.100.0/24,2001:db8::/32,2001:db8::/64", [2]bool{true, true}}, // overlapping
				{"::ffff:198.51.100.1,2001:db8::1", [2]bool{true, true}},
			} {
				config := b.config(t, "Knock 7000 6000")
				remove := b.load(t, b.Lab, b.printed(t, config, "-lan", tt.lan, "tango", "22,2222"))
				for i, host := range []string{"198.51.100.2", "2001:db8::2"} {
					for _, port := range []string{"22", "2222"} {
						if err := b.reach(host, port); (err == nil) != tt.open[i] {
							t.Errorf("-lan %s: %s port %s: got %v, open want %v", tt.lan, host, port, err, tt.open[i])
						}
					}
				}
				remove()
			}
		})
	}
}

// TestRulesExpire waits until the door is shut again to an address that has knocked.
func TestRulesExpire(t *testing.T) {
	t.Parallel()
	shorter := strings.NewReplacer("timeout 10s", "timeout 1s", "--seconds 10 ", "--seconds 1 ")
	for _, f := range rulesFormats {
		if !f.firewall {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			b := newRulesBench(t, f)
			config := b.config(t, "Knock 7000 6000")
			b.load(t, b.Lab, shorter.Replace(b.printed(t, config, "tango")))
			for _, host := range []string{"198.51.100.2", "2001:db8::2"} {
				if out, err := knockpipe(t, b.Lab, "-f "+config+" "+host+" 22").CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				for deadline := time.Now().Add(5 * time.Second); b.reach(host, "22") == nil; {
					if time.Now().After(deadline) {
						t.Fatalf("%s: the door stays open", host)
					}
				}
			}
		})
	}
}

// TestRulesLink opens doors over a link that delays, reorders, loses and repeats,
// with one connection for each session.
func TestRulesLink(t *testing.T) {
	t.Parallel()
	const benches, sessions = 2, 4 // on each
	link := lab.Link{Delay: 20 * time.Millisecond, Jitter: 10 * time.Millisecond, Loss: 0.03, Dup: 0.05}
	for _, f := range rulesFormats {
		if !f.firewall {
			continue
		}
		for bench := range benches {
			t.Run(fmt.Sprint(f.name, "/", bench), func(t *testing.T) {
				t.Parallel()
				b := newRulesBench(t, f, link)
				config := b.config(t, "Knock 7000 9000/udp udp:8000,text=sesame 7000", "KnockClose 7000 udp:8000,text=sesame 9000/udp 7000")
				text := b.printed(t, config, "tango")
				for i := range sessions {
					remove := b.load(t, b.Lab, text)
					host := []string{"198.51.100.2", "2001:db8::2"}[i%2]
					out, err := knockpipe(t, b.Lab, "-f "+config+" "+host+" 22").CombinedOutput()
					if err != nil || string(out) != "SSH-2.0-bench\r\n" {
						t.Errorf("session %d: got %q, %v, want a banner", i, out, err)
					}
					remove()
				}
				if got := b.Server.Handshakes(t); got != sessions {
					t.Errorf("the server's kernel completed %d handshakes, want %d", got, sessions)
				}
			})
		}
	}
}

// TestRulesAnsweredKnock knocks twice from one port at a port that answers, so that
// the second datagram belongs to an exchange for the firewall.
func TestRulesAnsweredKnock(t *testing.T) {
	t.Parallel()
	for _, f := range rulesFormats {
		if !f.firewall {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			b := newRulesBench(t, f)
			echo := listenUDP(t, b.Server, 7777)
			go func() {
				data := make([]byte, 9)
				for {
					n, from, err := echo.ReadFromUDPAddrPort(data)
					if err != nil {
						return
					}
					echo.WriteToUDPAddrPort(data[:n], from)
				}
			}()
			b.load(t, b.Lab, b.printed(t, b.config(t, "Knock udp:7777 udp:7777"), "tango"))
			var conn net.Conn
			var err error
			b.Client.Do(func() { conn, err = net.Dial("udp4", "198.51.100.2:7777") })
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for range 2 {
				if _, err := io.WriteString(conn, "knock"); err != nil {
					t.Fatal(err)
				}
				conn.SetReadDeadline(time.Now().Add(5 * time.Second))
				if _, err := conn.Read(make([]byte, 9)); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.reach("198.51.100.2", "22"); err != nil {
				t.Errorf("two answered knocks: %v", err)
			}
		})
	}
}

func listenUDP(t *testing.T, h *lab.Host, port int) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	var err error
	h.Do(func() { conn, err = net.ListenUDP("udp4", &net.UDPAddr{Port: port}) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
