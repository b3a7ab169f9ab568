package rules

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knockpipe/knock"
	"knockpipe/knock/fwknop"
)

var update = flag.Bool("update", false, "write the files of testdata and the examples anew")

// door makes a door of knocks as they stand in a config.
func door(t *testing.T, knocks, closes string) *Door {
	t.Helper()
	h := Host{Name: "tango", Port: 22}
	var err error
	if h.Knock, err = knock.Parse(strings.Fields(knocks)); err != nil {
		t.Fatal(err)
	}
	if h.Close, err = knock.Parse(strings.Fields(closes)); err != nil {
		t.Fatal(err)
	}
	return &Door{Ports: []uint16{22}, Hosts: []Host{h}}
}

// with gives the stanza to the step fwknop of a door.
func (d *Door) with(s *fwknop.Stanza) {
	for i, step := range d.Hosts[0].Knock {
		if packet, ok := step.(knock.FWKNOP); ok {
			packet.Stanza = s
			d.Hosts[0].Knock[i] = packet
		}
	}
}

func stanza(t *testing.T, text string) *fwknop.Stanza {
	t.Helper()
	s, err := fwknop.Parse([]byte("[tango]\n"+text), "tango")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var lan = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8:5::/48")}

// TestGolden compares whole configurations with reviewed ones.
func TestGolden(t *testing.T) {
	const keys = "KEY swordfish123\nHMAC_KEY hmac-plain-key\n"
	for _, tt := range []struct {
		file, format, knocks, closes, stanza string
		edit                                 func(*Door)
	}{
		{file: "knockd.conf", format: "knockd", knocks: "12345 34567/udp pause:2500 23456", edit: func(d *Door) {
			d.LAN, d.Ports, d.Hosts[0].Delay = lan, []uint16{22, 8022}, 300*time.Millisecond
		}},
		{file: "nftables-token.nft", format: "nftables", knocks: "token:/home/anna/tango.key", edit: func(d *Door) {
			d.LAN, d.Ports = lan, []uint16{22, 8022}
		}},
		{file: "knockd-close.conf", format: "knockd", knocks: "12345 udp:34567", closes: "34567 12345"},
		{file: "knockd-once.conf", format: "knockd", knocks: "once:/home/alice/list"},
		{file: "knockd-two.conf", format: "knockd", knocks: "12345 23456 34567", edit: func(d *Door) {
			d.Hosts = append(d.Hosts, Host{Name: "tango-anna", Port: 22, Knock: sequence(t, "7001 7002 7003/udp"), Close: sequence(t, "7004 7005")})
			d.Trial, d.Wide = 5*time.Minute, true
		}},
		{file: "nftables-two.nft", format: "nftables", knocks: "12345 udp:34567,text=open icmp,size=95", closes: "34567 12345", edit: func(d *Door) {
			d.Hosts = append(d.Hosts, Host{Name: "tango-anna", Port: 22, Knock: sequence(t, "22 7002 7003/udp"), Close: sequence(t, "7004 7005")})
			d.LAN, d.Ports, d.Trial, d.Wide = lan, []uint16{22, 8022}, 5*time.Minute, true
		}},
		{file: "iptables-two.sh", format: "iptables", knocks: "12345 udp:34567,text=open icmp,size=95", closes: "34567 12345", edit: func(d *Door) {
			d.Hosts = append(d.Hosts, Host{Name: "tango-anna", Port: 22, Knock: sequence(t, "22 7002 7003/udp"), Close: sequence(t, "7004 7005")})
			d.LAN, d.Ports, d.Trial, d.Wide = lan, []uint16{22, 8022}, 5*time.Minute, true
		}},
		{file: "fwknopd-two.sh", format: "fwknopd", knocks: "fwknop", stanza: keys, edit: func(d *Door) {
			other := door(t, "fwknop", "")
			other.with(stanza(t, "KEY trout\nHMAC_KEY bream\nSPOOF_USER anna\n"))
			other.Hosts[0].Name = "tango-anna"
			d.Hosts, d.Trial = append(d.Hosts, other.Hosts[0]), 5*time.Minute
		}},
		{file: "fwknopd.sh", format: "fwknopd", knocks: "fwknop", stanza: keys, edit: func(d *Door) {
			d.LAN, d.Ports = lan, []uint16{22, 8022}
		}},
		{file: "fwknopd-legacy.sh", format: "fwknopd", knocks: "fwknop pause:1s",
			stanza: "KEY swordfish123\nENCRYPTION_MODE legacy\nSPOOF_USER alice\nFW_TIMEOUT 600\nSPA_SERVER_PROTO http\nACCESS tcp/22,udp/53\n"},
		{file: "fwknopd-local.sh", format: "fwknopd", knocks: "fwknop", edit: func(d *Door) { d.Ports = []uint16{2222} },
			stanza: keys + "HMAC_DIGEST_TYPE sha512\nNAT_ACCESS 198.51.100.2,22\nNAT_LOCAL Y\nSPA_SERVER_PROTO tcp\nSPA_SERVER_PORT 5000\n"},
		{file: "fwknopd-nat.sh", format: "fwknopd", knocks: "fwknop", stanza: keys + "NAT_ACCESS 10.0.0.2,22\nRAND_PORT Y\n"},
		{file: "mikrotik.rsc", format: "mikrotik", knocks: "12345 34567/udp pause:2500 icmp,size=95 23456", edit: func(d *Door) {
			d.LAN, d.Ports = lan, []uint16{22, 8022}
		}},
		{file: "mikrotik-payload.rsc", format: "mikrotik", knocks: `7000 7000 udp:9000,size=64 udp:9001,text=a"b\c$d?,#;e`,
			edit: func(d *Door) { d.Hosts[0].Delay = time.Second }},
		// For people to copy; nftables.conf and knockd.conf beside them teach more.
		{file: "examples/iptables.sh", format: "iptables", knocks: "45123 12876 33210 7419"},
		{file: "examples/mikrotik.rsc", format: "mikrotik", knocks: "45123 12876 33210 7419"},
		{file: "examples/fwknopd.sh", format: "fwknopd", knocks: "fwknop", edit: func(d *Door) {
			text, _ := os.ReadFile("../../examples/fwknoprc")
			s, err := fwknop.Parse(text, "tango")
			if err != nil {
				t.Fatal(err)
			}
			d.with(s)
		}},
	} {
		d := door(t, tt.knocks, tt.closes)
		if tt.stanza != "" {
			d.with(stanza(t, tt.stanza))
		}
		if tt.edit != nil {
			tt.edit(d)
		}
		got, err := Make(tt.format, d)
		if err != nil {
			t.Errorf("%s: %v", tt.file, err)
			continue
		}
		path := filepath.Join("testdata", tt.file)
		if strings.HasPrefix(tt.file, "examples/") {
			path = filepath.Join("../..", tt.file)
		}
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.file, got, want)
		}
		if i := strings.Index(got, "{{"); i >= 0 && got[i+2] != '/' { // a block of RouterOS
			t.Errorf("%s: a word is not filled in: %.20q", tt.file, got[i:])
		}
	}
}
