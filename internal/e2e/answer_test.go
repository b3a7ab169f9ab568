//go:build linux

package e2e

import (
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestAnswers looks at what -v says of a shut port: silent, refused by the host
// itself, or called unreachable by a router on the way.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const (
		drop   = "table inet t { chain c { type filter hook input priority 0; policy accept; tcp dport != 0 drop; }; }"
		refuse = "table inet t { chain c { type filter hook input priority 0; policy accept; tcp dport 22 reject with tcp reset; }; }"
		filter = "table inet t { chain c { type filter hook forward priority 0; policy accept; reject with icmpx type admin-prohibited; }; }"
	)
	tests := []struct{ name, ruleset, host, want string }{
		{"silent", drop, "198.51.100.2", "198.51.100.2 port 22: still shut: silent"},
		{"refused", refuse, "198.51.100.2", "198.51.100.2 port 22: still shut: connection refused"},
		{"refused, IPv6", refuse, "2001:db8::2", "2001:db8::2 port 22: still shut: connection refused"},
		{"router", filter, "203.0.113.77", "203.0.113.77 port 22: still shut: no route to host (says 198.51.100.2)"},
		{"router, IPv6", filter, "2001:db8:113::77", "2001:db8:113::77 port 22: still shut: permission denied (says 2001:db8::2)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// Without a delay, the answer can come before the connect waits for it.
			l := lab.New(t, lab.Link{Delay: 5 * time.Millisecond})
			l.Server.Sysctl(t, "net.ipv4.ip_forward", "1")
			l.Server.Sysctl(t, "net.ipv6.conf.all.forwarding", "1")
			// A router that says it to some connects only looks silent to the others.
			l.Server.Sysctl(t, "net.ipv4.icmp_ratelimit", "0")
			l.Server.Sysctl(t, "net.ipv6.icmp.ratelimit", "0")
			behind := l.Behind(t)
			behind.Banner(t, 22)
			for _, route := range []string{"203.0.113.0/24 via 198.51.100.2", "2001:db8:113::/64 via 2001:db8::2"} {
				if out, err := l.Client.Command("ip", append([]string{"route", "add"}, strings.Fields(route)...)...).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			l.Server.Nft(t, tt.ruleset)
			out, _ := knockpipe(t, l, "-v -w 1.2 "+tt.host+" 22 "+sequence).CombinedOutput()
			if want := "knockpipe: " + tt.want + "\n"; strings.Count(string(out), want) != 1 {
				t.Errorf("got %s, want once %q", out, want)
			}
		})
	}
}
