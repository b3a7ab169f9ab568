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

// The defaults of fwknopd 2.6.
const (
	fwknopdMaxTimeout = 300 * time.Second // the longest that a client may ask for
	fwknopdHTTP       = 80
)

var fwknopdText = text{"fwknopd.sh", "trial.txt"}

// A fwknopdPage is the data of the script's template.
type fwknopdPage struct {
	Names, Guarded string
	Trial          int
	Forwards       bool // to another host
	Access, Conf   string
	Ports          []uint16
	Families       []fwknopdFamily
}

// A fwknopdFamily is what shuts the ports for one version of IP.
type fwknopdFamily struct {
	Command string
	V6      bool
	Doors   []fwknopdDoor
}

// A fwknopdDoor is one guarded port.
type fwknopdDoor struct {
	Chain string
	LAN   []netip.Prefix
	Hooks []hook
}

// fwknopd writes a shell script that makes both of fwknopd's files and shuts the ports
// with iptables. fwknopd opens them there, in a chain before all others. A table of
// nftables that rejects would override that chain.
func fwknopd(d *Door) (string, error) {
	if d.Wide {
		return "", errors.New("fwknopd lets in only single addresses: leave out -wide")
	}
	page := &fwknopdPage{Names: d.names(), Guarded: d.guarded(), Trial: d.trial(), Ports: d.Ports}
	var nat []hook
	for i := range d.Hosts {
		h := &d.Hosts[i]
		stanza, err := h.fwknopdStanza()
		if err != nil {
			return "", d.of(h, err)
		}
		access, err := fwknopdAccess(d.Ports, stanza)
		if err == nil {
			nat, err = fwknopdHooks(nat, stanza)
		}
		if err != nil {
			return "", d.of(h, fmt.Errorf("~/.fwknoprc: %w", err))
		}
		conf := fwknopdConf(stanza)
		if i > 0 && conf != page.Conf {
			return "", d.of(h, errors.New("its packet is not sent the same way as that of "+d.Hosts[0].Name))
		}
		if i > 0 {
			access = "\n" + access
		}
		page.Access, page.Conf = page.Access+access, conf
	}
	for _, f := range families {
		family := fwknopdFamily{Command: "iptables", V6: f.version == ip.V6}
		if family.V6 {
			family.Command = "ip6tables"
		}
		for i, port := range d.Ports {
			door := fwknopdDoor{Chain: fmt.Sprintf("KNOCKPIPE-%d", port), LAN: d.lan(f.version)}
			door.Hooks = []hook{{"INPUT", fmt.Sprintf("-p tcp --dport %d", port)}}
			for _, h := range nat {
				page.Forwards = page.Forwards || h.Chain == "FORWARD"
				// fwknop forwards nothing over IPv6.
				if i == 0 && h != door.Hooks[0] && (h.Chain == "INPUT" || !family.V6) {
					door.Hooks = append(door.Hooks, h)
				}
			}
			family.Doors = append(family.Doors, door)
		}
		page.Families = append(page.Families, family)
	}
	return fwknopdText.write(page)
}

// fwknopdStanza finds the client's stanza: there is one step fwknop, and no other.
func (h *Host) fwknopdStanza() (*fwknop.Stanza, error) {
	var found *knock.FWKNOP
	for i, step := range h.Knock {
		if step.Facts().Pause > 0 {
			continue
		}
		packet, ok := step.(knock.FWKNOP)
		if !ok || found != nil {
			return nil, cannot(h.Knock, i, "fwknopd supports only a sequence of one fwknop step")
		}
		found = &packet
	}
	if found == nil || found.Stanza == nil {
		return nil, errors.New("no stanza of ~/.fwknoprc")
	}
	if len(h.Close) > 0 {
		return nil, fmt.Errorf("KnockClose: %w", cannot(h.Close, 0, "fwknopd has no knock that shuts a door; leave out KnockClose, because the door shuts by itself"))
	}
	return found.Stanza, nil
}

// fwknopdAccess is the stanza of access.conf that matches the client's stanza.
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

// fwknopdConf is the part of fwknopd.conf about how the packet travels and where the
// access leads.
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
		text.WriteString("\n# The packet arrives over TCP, and fwknopd has to accept the connection.\n")
		line("ENABLE_TCP_SERVER", "Y")
		line("TCPSERV_PORT", strconv.Itoa(int(port)))
	case s.Transport == fwknop.HTTP:
		line("PCAP_FILTER", fmt.Sprintf("tcp port %d", port))
		text.WriteString("\n# The packet arrives by HTTP: a web server has to listen on this port.\n")
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
type hook struct{ Chain, Match string }

// fwknopdHooks adds the target of a NAT_ACCESS.
func fwknopdHooks(hooks []hook, s *fwknop.Stanza) ([]hook, error) {
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
