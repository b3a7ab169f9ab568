//go:build linux

package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"knockpipe/internal/lab"
)

// nftablesFormat is loaded beside a table that drops by default.
var nftablesFormat = &rulesFormat{
	name: "nftables", format: "nftables", need: []string{"nft"}, doors: 30,
	step: packetStep, firewall: true, closes: true, lan: true,
	beside: func(t testing.TB, l *lab.Lab) {
		l.Server.Nft(t, `table inet other {
			chain input {
				type filter hook input priority 0; policy drop;
				ct state established,related accept
				icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
				tcp dport { 22, 2222, 8080 } accept
				udp dport 7777 accept
				meta l4proto tcp reject with tcp reset
			}
		}`)
	},
	state: "nft -s list ruleset",
	load:  asTold("knockpipe.nft"),
}

// iptablesFormat is loaded beside rules that drop by default.
var iptablesFormat = &rulesFormat{
	name: "iptables", format: "iptables", need: []string{"iptables", "ip6tables"}, doors: 20,
	step: packetStep, firewall: true, closes: true, lan: true,
	beside: dropByDefault,
	// The lists of the match "recent" are gone with the rules that name them.
	state: "iptables -S; ip6tables -S; ls /proc/net/xt_recent 2>/dev/null || true",
	load:  asTold("knockpipe.sh"),
}

// legacyFormat is iptables with the kernel's older tables. The matches are the same,
// so that the random doors are enough.
var legacyFormat = func() *rulesFormat {
	f := *iptablesFormat
	f.name, f.need, f.doors = "iptables-legacy", []string{"iptables-legacy", "ip6tables-legacy"}, 6
	f.firewall, f.closes, f.lan = false, false, false
	f.beside = func(t testing.TB, l *lab.Lab) {
		// The program goes by the name that it is called by.
		l.Server.Bind(t, realPath(t, "iptables-legacy"), realPath(t, "iptables"))
		dropByDefault(t, l)
	}
	return &f
}()

// realPath is the file behind a program's name.
func realPath(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func dropByDefault(t testing.TB, l *lab.Lab) {
	t.Helper()
	for _, run := range []string{"iptables", "ip6tables"} {
		serverRun(t, l, "sh", "-ec", run+`-restore <<'END'
*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A INPUT -p icmpv6 -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22,2222,8080 -j ACCEPT
-A INPUT -p udp --dport 7777 -j ACCEPT
-A INPUT -p tcp -j REJECT --reject-with tcp-reset
COMMIT
END`)
	}
}

// TestIptablesSaved keeps the guard over a reboot as iptables-persistent does: what is
// loaded is saved, and restored into an empty kernel. It needs no package for that.
func TestIptablesSaved(t *testing.T) {
	t.Parallel()
	for _, f := range []*rulesFormat{iptablesFormat, legacyFormat} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			lab.Need(t, f.need...)
			l := lab.New(t)
			if f == legacyFormat {
				l.Server.Bind(t, realPath(t, "iptables-legacy"), realPath(t, "iptables"))
			}
			l.Server.Banner(t, 22)
			dir := t.TempDir()
			config := filepath.Join(dir, "config")
			if err := os.WriteFile(config, []byte("# Knock: 7001 udp:7002,text=x 7003\n# KnockClose: 7004 7005\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			script := filepath.Join(dir, "knockpipe.sh")
			text := printedRules(t, l, "iptables", config, "tango", "22")
			if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			guarded := func(when string, want bool) {
				t.Helper()
				for _, addr := range []string{"198.51.100.2", "2001:db8::2"} {
					if got := !reach(l.Client, net.JoinHostPort(addr, "22")); got != want {
						t.Errorf("%s: %s is guarded: got %v, want %v", when, addr, got, want)
					}
				}
			}
			serverRun(t, l, "sh", script)
			guarded("loaded", true)
			commands := []string{"iptables", "ip6tables"}
			for _, c := range commands {
				serverRun(t, l, "sh", "-c", c+"-save >"+filepath.Join(dir, c))
			}
			serverRun(t, l, "sh", script, "remove")
			guarded("removed", false)
			for _, c := range commands {
				serverRun(t, l, "sh", "-c", c+"-restore <"+filepath.Join(dir, c))
			}
			guarded("restored", true)
			for _, addr := range []string{"198.51.100.2", "2001:db8::2"} {
				if out, err := knockpipe(t, l, "-f "+config+" "+addr+" 22").Output(); err != nil || string(out) != "SSH-2.0-bench\r\n" {
					t.Errorf("restored: %s: got %q, %v", addr, out, err)
				}
			}
			guarded("restored, and closed", true)
			serverRun(t, l, "sh", script) // and again by hand
			guarded("loaded again", true)
			serverRun(t, l, "sh", script, "remove")
			guarded("removed again", false)
		})
	}
}
