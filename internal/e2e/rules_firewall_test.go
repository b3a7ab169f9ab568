//go:build linux

package e2e

import (
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
