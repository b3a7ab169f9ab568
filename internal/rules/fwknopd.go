package rules

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"knockpipe/internal/ip"
	"knockpipe/knock"
	"knockpipe/knock/fwknop"
)

// What fwknopd 2.6 does unless its files say otherwise.
const (
	fwknopdMaxTimeout = 300 * time.Second // the longest that a client may ask for
	fwknopdHTTP       = 80
)

// fwknopd writes a shell script that makes fwknopd's two files and shuts the port
// by iptables, where fwknopd opens it.
func fwknopd(d *Door) (string, error) {
	stanza, err := fwknopdStanza(d.Knock)
	if err != nil {
		return "", err
	}
	if len(d.Close) > 0 {
		return "", fmt.Errorf("KnockClose: %w", cannot(d.Close, 0, "fwknopd takes no knock that shuts a door; leave KnockClose out, as the door shuts by itself"))
	}
	access, err := fwknopdAccess(d.Ports, stanza)
	if err != nil {
		return "", fmt.Errorf("~/.fwknoprc: %w", err)
	}
	hooks, err := fwknopdHooks(d.Ports, stanza)
	if err != nil {
		return "", fmt.Errorf("~/.fwknoprc: %w", err)
	}
	var lan4, lan6, on4, on6 strings.Builder
	for _, prefix := range d.lan(ip.V4) {
		fmt.Fprintf(&lan4, "\tiptables -w -A KNOCKPIPE -s %v -j ACCEPT\n", prefix)
	}
	for _, prefix := range d.lan(ip.V6) {
		fmt.Fprintf(&lan6, "\tip6tables -w -A KNOCKPIPE -s %v -j ACCEPT\n", prefix)
	}
	for _, h := range hooks {
		fmt.Fprintf(&on4, "\tiptables -w -I %s \"$(after iptables %s)\" %s -j KNOCKPIPE\n", h.chain, h.chain, h.match)
		if h.chain == "INPUT" { // fwknop leads nowhere by IPv6
			fmt.Fprintf(&on6, "\tip6tables -w -I %s \"$(after ip6tables %s)\" %s -j KNOCKPIPE\n", h.chain, h.chain, h.match)
		}
	}
	notes := ""
	if slices.ContainsFunc(hooks, func(h hook) bool { return h.chain == "FORWARD" }) {
		notes = "#\n# The access leads through this host to another one, for which it has to forward\n# packets: sysctl net.ipv4.ip_forward=1\n"
	}
	return fill(fwknopdScript, "HOST", d.Name, "PORTS", d.guarded(), "NOTES", notes, "ACCESS", access, "CONF", fwknopdConf(stanza),
		"LAN4", lan4.String(), "LAN6", lan6.String(), "ON4", on4.String(), "ON6", on6.String()), nil
}

// fwknopdStanza finds the client's stanza: there is one step fwknop, and no other.
func fwknopdStanza(seq knock.Sequence) (*fwknop.Stanza, error) {
	var found *knock.FWKNOP
	for i, step := range seq {
		if step.Facts().Pause > 0 {
			continue
		}
		packet, ok := step.(knock.FWKNOP)
		if !ok || found != nil {
			return nil, cannot(seq, i, "fwknopd opens at one packet of its own, a single step fwknop, and knows no other knock")
		}
		found = &packet
	}
	if found == nil || found.Stanza == nil {
		return nil, errors.New("no stanza of ~/.fwknoprc")
	}
	return found.Stanza, nil
}

// fwknopdAccess is the stanza of access.conf that lets in whoever uses the client's.
func fwknopdAccess(ports []uint16, s *fwknop.Stanza) (string, error) {
	var text strings.Builder
	line := func(name, value string) { fmt.Fprintf(&text, "%-22s  %s\n", name, value) }
	line("SOURCE", "ANY")
	line("KEY_BASE64", base64.StdEncoding.EncodeToString(s.Key))
	if len(s.HMACKey) > 0 {
		line("HMAC_KEY_BASE64", base64.StdEncoding.EncodeToString(s.HMACKey))
		line("HMAC_DIGEST_TYPE", s.HMACDigest.String())
	}
	if s.Legacy {
		line("ENCRYPTION_MODE", "legacy")
	}
	var open []string
	for _, port := range ports {
		open = append(open, "tcp/"+strconv.Itoa(int(port)))
	}
	if s.Access != "" {
		asked := strings.Split(s.Access, ",")
		for _, port := range open {
			if !slices.Contains(asked, port) {
				return "", errors.New("ACCESS does not ask for the guarded port")
			}
		}
		open = asked
	}
	line("OPEN_PORTS", strings.Join(open, ","))
	line("REQUIRE_SOURCE_ADDRESS", "N")
	timeout := s.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	line("FW_ACCESS_TIMEOUT", strconv.Itoa(int(timeout/time.Second)))
	if timeout > fwknopdMaxTimeout {
		line("MAX_FW_TIMEOUT", strconv.Itoa(int(timeout/time.Second)))
	}
	if s.User != "" {
		line("REQUIRE_USERNAME", s.User)
	}
	return text.String(), nil
}

// fwknopdConf is what fwknopd.conf has to say of how the packet travels and where
// the access leads.
func fwknopdConf(s *fwknop.Stanza) string {
	port := s.Port
	if port == 0 {
		if port = fwknop.DefaultPort; s.Transport == fwknop.HTTP {
			port = fwknopdHTTP
		}
	}
	var text strings.Builder
	line := func(name, value string) { fmt.Fprintf(&text, "%-21s  %s;\n", name, value) }
	switch {
	case s.Transport == fwknop.TCP:
		line("PCAP_FILTER", fmt.Sprintf("tcp port %d", port))
		text.WriteString("\n# The packet comes by a connection, which fwknopd has to accept.\n")
		line("ENABLE_TCP_SERVER", "Y")
		line("TCPSERV_PORT", strconv.Itoa(int(port)))
	case s.Transport == fwknop.HTTP:
		line("PCAP_FILTER", fmt.Sprintf("tcp port %d", port))
		text.WriteString("\n# The packet comes by HTTP: some server has to listen at this port.\n")
		line("ENABLE_SPA_OVER_HTTP", "Y")
	case s.RandPort:
		line("PCAP_FILTER", "udp dst portrange 10000-65535")
	default:
		line("PCAP_FILTER", fmt.Sprintf("udp port %d", port))
	}
	if s.NAT != "" {
		text.WriteString("\n# The access leads to another port.\n")
		line("ENABLE_IPT_FORWARDING", "Y")
	}
	if s.Local {
		line("ENABLE_IPT_LOCAL_NAT", "Y")
	}
	return text.String()
}

// A hook is where a guarded port is shut.
type hook struct{ chain, match string }

// fwknopdHooks are the guarded ports of this host, and what a NAT_ACCESS leads to.
func fwknopdHooks(ports []uint16, s *fwknop.Stanza) ([]hook, error) {
	var hooks []hook
	for _, port := range ports {
		hooks = append(hooks, hook{"INPUT", fmt.Sprintf("-p tcp --dport %d", port)})
	}
	if s.NAT == "" {
		return hooks, nil
	}
	host, port, _ := strings.Cut(s.NAT, ",")
	addr, err := netip.ParseAddr(host)
	if err != nil || !addr.Is4() {
		return nil, errors.New("NAT_ACCESS leads to no IPv4 address")
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return nil, errors.New("NAT_ACCESS leads to no port")
	}
	to := hook{"FORWARD", fmt.Sprintf("-d %v -p tcp --dport %d", addr, number)}
	if s.Local {
		to = hook{"INPUT", fmt.Sprintf("-p tcp --dport %d", number)}
	}
	if !slices.Contains(hooks, to) {
		hooks = append(hooks, to)
	}
	return hooks, nil
}
