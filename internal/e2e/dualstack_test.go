//go:build linux

package e2e

import (
	"net/netip"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestDualStack has a name with an address of each family, not all of which work. The one
// that works is used, at most a second later than without the other, and only one
// handshake ever completes.
func TestDualStack(t *testing.T) {
	t.Parallel()
	both := []string{"2001:db8::2", "198.51.100.2"}
	deaf := func(family string) string {
		return "table " + family + " deaf { chain input { type filter hook input priority -20; tcp dport { 22, 12345, 23456, 34567, 45678 } drop; }; }"
	}
	const (
		otherKnock = `table ip6 other { chain input { type filter hook input priority -20; tcp dport 22 reject with tcp reset; }; }`
		noGuard    = `insert rule inet knockpipe_22 door meta nfproto ipv6 accept`
	)
	tests := []struct {
		name  string
		hosts []string // of the name
		rules string   // besides examples/nftables.conf
		want  string   // the server's address in the session
	}{
		{"IPv6 is silent", both, deaf("ip6"), "198.51.100.2"},
		{"IPv4 is silent", both, deaf("ip"), "2001:db8::2"},
		{"IPv4 comes first and is silent", []string{"198.51.100.2", "2001:db8::2"}, deaf("ip"), "2001:db8::2"},
		{"IPv6 has another knock", both, otherKnock, "198.51.100.2"},
		{"IPv6 is another host's, which is off", []string{"2001:db8::77", "198.51.100.2"}, "", "198.51.100.2"},
		{"three of IPv6 are silent", []string{"2001:db8::2", "2001:db8::77", "2001:db8::78", "198.51.100.2"}, deaf("ip6"), "198.51.100.2"},
		{"IPv6 has no route", []string{"2001:db8:ffff::2", "198.51.100.2"}, "", "198.51.100.2"},
		{"IPv6 has no guard", both, noGuard, "2001:db8::2"},
		{"both are guarded alike", both, "", "2001:db8::2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t, lab.Link{Delay: 25 * time.Millisecond})
			l.Server.NftFile(t, "examples/nftables.conf")
			if tt.rules != "" {
				l.Server.Nft(t, tt.rules)
			}
			l.Server.Banner(t, 22)
			names := ""
			for _, host := range tt.hosts {
				names += host + " tango\n"
			}
			l.Client.WriteFile(t, "/etc/hosts", names)
			binary(t)
			open := func(host string) time.Duration {
				start := time.Now()
				out, err := knockpipe(t, l, host+" 22 "+sequence).CombinedOutput()
				if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
					t.Fatalf("%s: got %q, %v, want %q", host, out, err, want)
				}
				return time.Since(start)
			}
			alone := open(tt.want)
			forget(t, l)
			before := l.Server.Handshakes(t)
			wire := l.Client.Sniff(t)
			took := open("tango")
			t.Logf("in after %v, alone after %v", took.Round(time.Millisecond), alone.Round(time.Millisecond))
			if took > alone+time.Second {
				t.Errorf("in after %v, want at most a second more than %v", took, alone)
			}
			var session netip.Addr
			for _, p := range wire.Packets() {
				if !p.Out && p.Payload > 0 && p.Src.Port() == 22 {
					session = p.Src.Addr()
				}
			}
			if want := netip.MustParseAddr(tt.want); session != want {
				t.Errorf("the session is with %v, want %v", session, want)
			}
			if got := l.Server.Handshakes(t) - before; got != 1 {
				t.Errorf("the server's kernel completed %d handshakes, want 1", got)
			}
		})
	}
}
