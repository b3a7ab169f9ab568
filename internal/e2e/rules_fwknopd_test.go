//go:build linux

package e2e

import (
	"strings"
	"testing"

	"knockpipe/internal/lab"
)

// TestRulesFwknopd sets the real fwknopd up by the script that -rules prints, for
// several stanzas, and opens it with the same one.
func TestRulesFwknopd(t *testing.T) {
	t.Parallel()
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
				if out, err := l.Client.Command("ip", "route", "add", "203.0.113.0/24", "via", "198.51.100.2").CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				l.Server.Sysctl(t, "net.ipv4.ip_forward", "1")
			}
			server.Banner(t, 22)
			l.Server.Banner(t, 8022)
			d.comment(t, "add them to the new file:")
			if reach(l.Client, "198.51.100.2:"+tt.closed) || reach(l.Client, "[2001:db8::2]:"+tt.closed) {
				t.Error("the port is open before")
			}
			if tt.name == "NAT" && reach(l.Client, "203.0.113.2:22") {
				t.Error("what the access leads to is open before")
			}
			dir := t.TempDir()
			log := l.Server.Daemon(t, "Starting fwknopd main event loop", "stdbuf", "-oL", "fwknopd", "-f", "-v", "-r", dir, "-p", dir+"/pid", "-d", dir+"/digests")
			d.mustStay(t, "-w 0.3", tt.closed, "no packet", "9")
			d.mustOpen(t, "", port)
			log.Await("Added")
			d.comment(t, "add them to the new file:") // again, while fwknopd runs
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
			d.comment(t, "Remove the firewall rules:")
			if out, err := l.Server.Command("sh", "-c", "iptables -S; ip6tables -S").CombinedOutput(); err != nil || strings.Contains(string(out), "KNOCKPIPE") {
				t.Errorf("after the removal: %v: %s", err, out)
			}
			if !reach(l.Client, "[2001:db8::2]:22") {
				t.Error("the port is still shut after the removal")
			}
		})
	}
}
