//go:build linux

package e2e

import (
	"crypto/rand"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
	"knockpipe/knock/fwknop"
)

// fwknopd guards port 22 of the lab's server by the real fwknopd, with these lines
// in its access.conf and fwknopd.conf.
func fwknopd(t testing.TB, l *lab.Lab, access, conf string, flags ...string) *lab.Daemon {
	t.Helper()
	lab.Need(t, "fwknopd", "iptables", "iptables-restore", "stdbuf")
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	serverRun(t, l, "iptables-restore", file("rules", `*filter
:INPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A INPUT -p tcp --dport 22 -j DROP
COMMIT
`))
	args := []string{"-oL", "fwknopd", "-f", "-v", "-r", dir, "-p", dir + "/pid", "-d", dir + "/digests",
		"-c", file("fwknopd.conf", "PCAP_INTF eth0;\n"+conf), "-a", file("access.conf", "SOURCE ANY\n"+access)}
	ready := "Starting fwknopd main event loop"
	if slices.Contains(flags, "-U") {
		ready = "Kicking off UDP server"
	}
	return l.Server.Daemon(t, ready, "stdbuf", append(args, flags...)...)
}

// rc gives the client's user a ~/.fwknoprc.
func rc(t testing.TB, l *lab.Lab, text string) {
	t.Helper()
	home := t.TempDir()
	if err := os.WriteFile(home+"/.fwknoprc", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l.Client.Bind(t, home, "/root")
}

const keys = "KEY swordfish123\nHMAC_KEY hmac-plain-key\n"

// TestFwknop asks a real fwknopd for access, in every way that both support and in some
// that it refuses.
func TestFwknop(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, access, conf, rc string
		opens                  bool
	}{
		{"wrong key", keys, "", "KEY swordfish124\nHMAC_KEY hmac-plain-key\n", false},
		{"wrong HMAC key", keys, "", "KEY swordfish123\nHMAC_KEY hmac-other-key\n", false},
		{"no HMAC", keys, "", "KEY swordfish123\n", false},
		{"other HMAC digest", keys + "HMAC_DIGEST_TYPE md5\n", "", keys, false},
		{"old clock", keys, "", keys + "TIME_OFFSET -4m\n", false},
		{"another port", keys + "OPEN_PORTS tcp/80\n", "", keys, false},
		{"another address", keys, "", keys + "ALLOW_IP 198.51.100.77\n", false},
		{"plain", keys, "", keys, true},
		{"clock that is a little off", keys, "", keys + "TIME_OFFSET 100s\n", true},
		{"without HMAC on both sides", "KEY swordfish123\n", "", "KEY swordfish123\n", true},
		{"legacy", "KEY swordfish123\nENCRYPTION_MODE legacy\n", "", "KEY swordfish123\nENCRYPTION_MODE legacy\n", true},
		{"legacy with a long key", "KEY 01234567890123456\nENCRYPTION_MODE legacy\n", "", "KEY 01234567890123456\nENCRYPTION_MODE legacy\n", true},
		{"base64", "KEY_BASE64 c3dvcmRmaXNo\nHMAC_KEY_BASE64 dHJvdXQ=\n", "", "KEY_BASE64 c3dvcmRmaXNo\nHMAC_KEY_BASE64 dHJvdXQ=\n", true},
		{"user", keys + "REQUIRE_USERNAME alice\n", "", keys + "SPOOF_USER alice\n", true},
		{"source", keys + "REQUIRE_SOURCE_ADDRESS Y\n", "", keys + "ALLOW_IP 198.51.100.1\n", true},
		{"timeout", keys, "", keys + "FW_TIMEOUT 5\nACCESS tcp/22,udp/53\n", true},
		{"random port", keys, "", keys + "RAND_PORT Y\n", true},
		{"NAT to the port of the access", keys, "ENABLE_IPT_LOCAL_NAT Y;\nENABLE_IPT_FORWARDING Y;\n", keys + "NAT_LOCAL Y\nACCESS tcp/22\nNAT_PORT 2222\n", true},
		{"NAT to another port", keys, "ENABLE_IPT_LOCAL_NAT Y;\nENABLE_IPT_FORWARDING Y;\n", keys + "NAT_ACCESS 198.51.100.2,22\nNAT_LOCAL Y\n", true},
	}
	for _, digest := range []string{"md5", "sha1", "sha256", "sha384", "sha512", "sha3_256", "sha3_512"} {
		line := "HMAC_DIGEST_TYPE " + digest + "\n"
		tests = append(tests, struct {
			name, access, conf, rc string
			opens                  bool
		}{digest, keys + line, "", keys + line + "DIGEST_TYPE " + digest + "\n", true})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			access, conf := tt.access, tt.conf
			if tt.name == "random port" {
				conf += "PCAP_FILTER udp dst portrange 10000-65535;\n"
			}
			d := fwknopd(t, l, access, conf)
			rc(t, l, "[tango]\n"+tt.rc)
			l.Client.WriteFile(t, "/etc/hosts", "2001:db8::2 tango\n198.51.100.2 tango\n")
			server := l.Server.Banner(t, 22)
			line := "-w 8 tango 22 fwknop"
			switch {
			case strings.HasPrefix(tt.name, "NAT"): // where nothing listens
				line = "-w 8 tango 2222 fwknop"
			case !tt.opens:
				line = "-w 1.5 tango 22 fwknop"
			}
			out, err := knockpipe(t, l, line).CombinedOutput()
			if opened := err == nil && string(out) == "SSH-2.0-bench\r\n"; opened != tt.opens {
				t.Errorf("got %q, %v; open is %v, want %v\n%s", out, err, opened, tt.opens, d.Log())
			}
			want := 0
			if tt.opens {
				want = 1
			}
			if got := server.Accepted(); got != want {
				t.Errorf("the server accepted %d connections, want %d", got, want)
			}
			for _, secret := range []string{"swordfish", "hmac-"} {
				if strings.Contains(string(out), secret) {
					t.Errorf("the output shows a key: %q", out)
				}
			}
		})
	}
}

// TestFwknopTransports asks an fwknopd that listens on a UDP socket instead of
// sniffing, and by the other transports.
func TestFwknopTransports(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, conf, rc string
		flags          []string
	}{
		{"UDP server", "", "", []string{"-U"}},
		{"UDP server with SHA-3", "", "HMAC_DIGEST_TYPE sha3_512\nDIGEST_TYPE md5\n", []string{"-U"}},
		{"UDP server on another port", "UDPSERV_PORT 4000;\n", "SPA_SERVER_PORT 4000\n", []string{"-U"}},
		{"UDP to another port", "PCAP_FILTER udp port 4000;\n", "SPA_SERVER_PORT 4000\n", nil},
		{"TCP", "ENABLE_TCP_SERVER Y;\nPCAP_FILTER tcp port 62201;\n", "SPA_SERVER_PROTO tcp\n", nil},
		{"HTTP", "ENABLE_SPA_OVER_HTTP Y;\nPCAP_FILTER tcp port 8080;\n", "SPA_SERVER_PROTO http\nSPA_SERVER_PORT 8080\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			access := keys
			if strings.Contains(tt.rc, "HMAC_DIGEST_TYPE") {
				access += "HMAC_DIGEST_TYPE sha3_512\n"
			}
			d := fwknopd(t, l, access, tt.conf, tt.flags...)
			rc(t, l, "[other]\nKEY x\n[tango]\n"+keys+tt.rc)
			l.Server.Banner(t, 22)
			l.Server.Banner(t, 8080)
			out, err := knockpipe(t, l, "198.51.100.2 22 fwknop:tango").CombinedOutput()
			if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
				t.Errorf("got %q, %v, want %q\n%s", out, err, want, d.Log())
			}
		})
	}
}

// TestFwknopForward reaches a host behind the server by NAT, both with a stanza that
// names everything and with one that leaves the ports to the connection.
func TestFwknopForward(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"all of it":           "ACCESS tcp/2222\nNAT_ACCESS 203.0.113.2,22\n",
		"with a colon":        "NAT_ACCESS 203.0.113.2:22\n",
		"port of the outside": "ACCESS tcp/22\nNAT_ACCESS 203.0.113.2\nNAT_PORT 2222\nFW_TIMEOUT 9\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			behind := l.Behind(t)
			if out, err := behind.Command("ip", "route", "add", "198.51.100.0/24", "via", "203.0.113.1").CombinedOutput(); err != nil {
				t.Fatalf("ip: %v: %s", err, out)
			}
			l.Server.Sysctl(t, "net.ipv4.ip_forward", "1")
			d := fwknopd(t, l, keys, "ENABLE_IPT_FORWARDING Y;\n")
			rc(t, l, "[tango]\n"+keys+line)
			l.Server.Banner(t, 2200)
			behind.Banner(t, 22)
			out, err := knockpipe(t, l, "198.51.100.2 2222 fwknop:tango").CombinedOutput()
			if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
				t.Errorf("got %q, %v, want %q\n%s", out, err, want, d.Log())
			}
			if got := behind.Handshakes(t); got != 1 {
				t.Errorf("the host behind completed %d handshakes, want 1", got)
			}
		})
	}
}

// TestFwknopUsage has errors that are found before a packet leaves.
func TestFwknopUsage(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, rc, line, want string }{
		{"no file", "", "198.51.100.2 22 fwknop", `knock 1 of 1 \(fwknop\): /root/\.fwknoprc: no such file or directory`},
		{"no stanza", "[tango]\n" + keys, "198.51.100.2 22 fwknop", `knock 1 of 1 \(fwknop\): /root/\.fwknoprc: no stanza \[198\.51\.100\.2\]`},
		{"bad line", "[tango]\n" + keys + "WHAT 7\n", "198.51.100.2 22 1 fwknop:tango", `knock 2 of 2 \(fwknop\): /root/\.fwknoprc:4: WHAT: unknown variable`},
		{"IPv6", "[tango]\n" + keys, "-6 tango 22 fwknop", `fwknop supports only IPv4, but IPv6 is requested`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			home := t.TempDir()
			if tt.rc != "" {
				if err := os.WriteFile(home+"/.fwknoprc", []byte(tt.rc), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			l.Client.Bind(t, home, "/root")
			cmd := knockpipe(t, l, tt.line)
			out, _ := cmd.CombinedOutput()
			if !regexp.MustCompile("^knockpipe: "+tt.want+"\n").Match(out) || cmd.ProcessState.ExitCode() != 2 {
				t.Errorf("got %q, exit %d, want %s, exit 2", out, cmd.ProcessState.ExitCode(), tt.want)
			}
		})
	}
}

// TestFwknopNeedsIPv4 has a host without an IPv4 address. The error gives the reason.
func TestFwknopNeedsIPv4(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	rc(t, l, "[tango]\n"+keys)
	l.Client.WriteFile(t, "/etc/hosts", "2001:db8::2 tango\n")
	l.Client.WriteFile(t, "/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
	cmd := knockpipe(t, l, "tango 22 fwknop")
	out, _ := cmd.CombinedOutput()
	if want := "knockpipe: hint: fwknop supports only IPv4, so the host needs an IPv4 address\n"; !strings.HasSuffix(string(out), want) || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("got %q, exit %d, want %q, exit 1", out, cmd.ProcessState.ExitCode(), want)
	}
}

// TestFwknopReplay sends the same packet twice, as an eavesdropper could. fwknopd accepts
// only the first.
func TestFwknopReplay(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	d := fwknopd(t, l, keys, "")
	stanza := &fwknop.Stanza{Key: []byte("swordfish123"), HMACKey: []byte("hmac-plain-key")}
	packet, err := stanza.Packet(netip.MustParseAddrPort("198.51.100.2:22"), time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Added access rule", "Replay detected"} {
		conn, err := l.Client.Dial("udp", "198.51.100.2:62201", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, packet)
		conn.Close()
		d.Await(want)
	}
}
