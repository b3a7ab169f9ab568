package rules

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The parameters of a rule, as the vendor's CLI reference of RouterOS 7 names them
// for /ip/firewall/filter and /ipv6/firewall/filter; those of every add come last.
const (
	bothParams = `chain action jump-target reject-with connection-nat-state tls-host connection-state connection-limit
		protocol src-address dst-address src-address-list dst-address-list address-list address-list-timeout
		src-address-type dst-address-type tcp-flags connection-mark connection-type connection-bytes connection-rate
		routing-mark in-interface out-interface in-interface-list out-interface-list in-bridge-port out-bridge-port
		in-bridge-port-list out-bridge-port-list packet-mark src-port dst-port port icmp-options src-mac-address
		content ingress-priority priority dscp tos limit dst-limit time random nth tcp-mss per-connection-classifier
		packet-size log log-prefix ipsec-policy comment disabled place-before copy-from`
	only4Params = ` hw-offload p2p layer7-protocol realm fragment psd ipv4-options hotspot ttl`
	only6Params = ` headers hop-limit`

	filterActions = `accept jump return log passthrough add-src-to-address-list add-dst-to-address-list drop reject fasttrack-connection`
	reject4       = `icmp-network-unreachable icmp-host-unreachable icmp-protocol-unreachable icmp-port-unreachable icmp-net-prohibited
		icmp-host-prohibited tcp-reset icmp-admin-prohibited`
	reject6 = `icmp-no-route icmp-admin-prohibited icmp-not-neighbour icmp-address-unreachable icmp-port-unreachable tcp-reset
		icmp-err-src-routing-header icmp-headers-too-long`
	connectionStates = `invalid established related new untracked`
)

// values are what the parameters that are used may be set to.
var values = map[string]string{
	"chain": `[a-z0-9-]+`, "jump-target": `[a-z0-9-]+`, "comment": `"knockpipe-\d+"`,
	"dst-port":         `\d{1,5}(,\d{1,5})*`,
	"protocol":         `tcp|udp|icmp|icmpv6`,
	"icmp-options":     `\d{1,3}:\d{1,3}`,
	"dst-limit":        `\d+,\d+,src-and-dst-addresses/\d+s`, // as in the vendor's text on floods
	"packet-size":      `\d{1,5}`,
	"src-address-list": `[a-z0-9-]+`, "address-list": `[a-z0-9-]+`,
	"address-list-timeout": `\d+s`,
	"place-before":         `\(\[/(ip|ipv6) firewall filter find chain=input !dynamic\]->0\)`,
	// a quoted string, in which these escapes are known
	"content": `"([^"\\$?]|\\["\\nrt$_abfv]|\\[0-9A-F]{2})*"`,
}

// A rule is one that was added, with its parameters.
type rule map[string]string

var (
	addLine    = regexp.MustCompile(`^(/ip|/ipv6) firewall filter add ((?:[a-z0-9-]+=(?:"(?:[^"\\]|\\.)*"|\([^)]*\)|[^ "(]+) ?)+)$`)
	param      = regexp.MustCompile(`([a-z0-9-]+)=("(?:[^"\\]|\\.)*"|\([^)]*\)|[^ "(]+)`)
	removeLine = regexp.MustCompile(`^(/ip|/ipv6) firewall (filter remove \[find comment="knockpipe-\d+"\]|address-list remove \[find list~"\^knockpipe-\d+-"\])$`)
	ifLine     = regexp.MustCompile(`^:if \(\[:len \[(/ip|/ipv6) firewall filter find chain=input !dynamic\]\] > 0\) do=\{(.*)\} else=\{(.*)\}$`)
)

// parseRSC reads commands by the grammar, and returns the rules of both families.
func parseRSC(text string) (rules map[string][]rule, err error) {
	rules = make(map[string][]rule)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' || removeLine.MatchString(line) {
			continue
		}
		if m := ifLine.FindStringSubmatch(line); m != nil {
			if _, _, err := parseAdd(m[2]); err != nil { // like the other, but for its place
				return nil, err
			}
			line = m[3]
		}
		family, r, err := parseAdd(line)
		if err != nil {
			return nil, err
		}
		rules[family] = append(rules[family], r)
	}
	return rules, nil
}

func parseAdd(line string) (family string, r rule, err error) {
	m := addLine.FindStringSubmatch(line)
	if m == nil {
		return "", nil, fmt.Errorf("no command of the grammar: %s", line)
	}
	family = m[1]
	params, rejects, other := bothParams+only4Params, reject4, "icmpv6"
	if family == "/ipv6" {
		params, rejects, other = bothParams+only6Params, reject6, "icmp"
	}
	r = make(rule)
	for _, p := range param.FindAllStringSubmatch(m[2], -1) {
		name, value := p[1], p[2]
		pattern, known := values[name]
		ok := known && regexp.MustCompile("^(?:"+pattern+")$").MatchString(value)
		switch name {
		case "action":
			ok = slices.Contains(strings.Fields(filterActions), value)
		case "reject-with":
			ok = slices.Contains(strings.Fields(rejects), value)
		case "connection-state":
			ok = !slices.ContainsFunc(strings.Split(value, ","), func(s string) bool {
				return !slices.Contains(strings.Fields(connectionStates), s)
			})
		case "protocol":
			ok = ok && value != other
		case "src-address":
			prefix, err := netip.ParsePrefix(value)
			ok = err == nil && prefix.Addr().Is4() == (family == "/ip")
		case "packet-size", "dst-port":
			for _, s := range strings.Split(value, ",") {
				n, err := strconv.Atoi(s)
				ok = ok && err == nil && n > 0 && n <= 65535
			}
		}
		_, twice := r[name]
		if !ok || twice || !slices.Contains(strings.Fields(params), name) {
			return "", nil, fmt.Errorf("%s=%s cannot be set: %s", name, value, line)
		}
		r[name] = value
	}
	need := map[string]string{"jump": "jump-target", "add-src-to-address-list": "address-list"}[r["action"]]
	if r["chain"] == "" || r["comment"] == "" || r[need] == "" && need != "" || r["dst-port"] != "" && r["protocol"] == "" {
		return "", nil, fmt.Errorf("something is missing: %s", line)
	}
	return family, r, nil
}

// TestGrammar finds what is wrong in a command.
func TestGrammar(t *testing.T) {
	for _, line := range []string{
		`/ip firewall filters add chain=input action=drop comment="knockpipe-22"`,
		`/ip firewall filter add chain=input action=deny comment="knockpipe-22"`,
		`/ip firewall filter add chain=input action=drop`,
		`/ip firewall filter add action=drop comment="knockpipe-22"`,
		`/ip firewall filter add chain=input action=drop dport=22 protocol=tcp comment="knockpipe-22"`,
		`/ip firewall filter add chain=input action=drop dst-port=22 comment="knockpipe-22"`,
		`/ip firewall filter add chain=input action=drop dst-port=70000 protocol=tcp comment="knockpipe-22"`,
		`/ip firewall filter add chain=input action=jump comment="knockpipe-22"`,
		`/ip firewall filter add chain=input action=drop connection-state=fresh comment="knockpipe-22"`,
		`/ip firewall filter add chain=input action=drop protocol=icmpv6 comment="knockpipe-22"`,
		`/ipv6 firewall filter add chain=input action=drop protocol=icmp comment="knockpipe-22"`,
		`/ipv6 firewall filter add chain=input action=drop src-address=192.0.2.0/24 comment="knockpipe-22"`,
		`/ip firewall filter add chain=input action=drop content="$x" comment="knockpipe-22"`,
		`/ip firewall filter add chain=input action=drop content="\3f" comment="knockpipe-22"`,
		`/ip firewall filter add chain=input action=drop content=a b comment="knockpipe-22"`,
		`:if (true) do={/ip firewall filter remove 0}`,
	} {
		if _, err := parseRSC(line); err == nil {
			t.Errorf("%s: no error", line)
		}
	}
	files, err := filepath.Glob("testdata/*.rsc")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseRSC(string(text)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
