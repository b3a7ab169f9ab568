package rules

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestCannot asks for what a format cannot express. No error shows a port or a key.
func TestCannot(t *testing.T) {
	const keys = "KEY swordfish\nHMAC_KEY trout\n"
	long := strings.Repeat("4471 ", 33)
	for _, tt := range []struct{ format, knocks, closes, stanza, want string }{
		{"knockd", "", "", "", "no knock is configured for tango"},
		{"knockd", "4471 icmp,size=4472", "", "", "knockd: knock 2 of 2 (icmp): knockd supports only TCP and UDP"},
		{"knockd", "4471 fwknop", "", keys, "knockd: knock 2 of 2 (fwknop): knockd supports only TCP and UDP"},
		{"knockd", "exec:knock-4471 4472", "", "", "knockd: knock 1 of 2 (exec): knockd supports only TCP and UDP"},
		{"knockd", "4471 udp:4472,text=4471", "", "", "knockd: knock 2 of 2 (udp): knockd ignores the payload, so any datagram to the port would count"},
		{"knockd", "4471 udp:4472", "pause:1 udp:4472,size=4", "", "knockd: KnockClose: knock 2 of 2 (udp): knockd ignores the payload"},
		{"knockd", long, "", "", "knockd: 33 knocks: knockd allows 32 to a door"},
		{"knockd", "4471 4472", "icmp", "", "knockd: KnockClose: knock 1 of 1 (icmp): knockd supports only TCP and UDP"},
		{"knockd", "4471 4472", "once:/4471", "", "knockd: KnockClose: knock 1 of 1 (once): a one-time list cannot close a door"},
		{"fwknopd", "4471 4472", "", "", "fwknopd: knock 1 of 2 (tcp): fwknopd supports only a sequence of one fwknop step"},
		{"fwknopd", "pause:1 fwknop udp:4471", "", keys, "fwknopd: knock 3 of 3 (udp): fwknopd supports only a sequence of one fwknop step"},
		{"fwknopd", "fwknop fwknop", "", keys, "fwknopd: knock 2 of 2 (fwknop): fwknopd supports only a sequence of one fwknop step"},
		{"fwknopd", "fwknop", "", "", "fwknopd: no stanza of ~/.fwknoprc"},
		{"fwknopd", "fwknop", "", keys + "ACCESS tcp/4471\n", "fwknopd: ~/.fwknoprc: ACCESS does not ask for the guarded port"},
		{"fwknopd", "fwknop", "", keys + "NAT_ACCESS $(reboot),22\n", "fwknopd: ~/.fwknoprc: NAT_ACCESS leads to no IPv4 address"},
		{"fwknopd", "fwknop", "4471 4472", keys, "fwknopd: KnockClose: knock 1 of 2 (tcp): fwknopd has no knock that shuts a door"},
		{"mikrotik", "4471 4472", "icmp,size=4471", "", "mikrotik: KnockClose: knock 1 of 1 (icmp): RouterOS rules cannot remove an address from a list"},
		{"mikrotik", "4471 fwknop", "", keys, "mikrotik: knock 2 of 2 (fwknop): RouterOS supports only TCP, UDP and ICMP"},
		{"mikrotik", "once:/4471", "", "", "mikrotik: knock 1 of 1 (once): RouterOS supports only TCP, UDP and ICMP"},
		{"mikrotik", "exec:4471", "", "", "mikrotik: knock 1 of 1 (exec): RouterOS supports only TCP, UDP and ICMP"},
		{"mikrotik", "4471 udp:4472,hex=0a4471", "", "", "mikrotik: knock 2 of 2 (udp): RouterOS can match only text, and this payload is not text"},
		{"mikrotik", "udp:4472,text=" + strings.Repeat("4471", 33), "", "", "mikrotik: knock 1 of 1 (udp): RouterOS cannot match content longer than 128 bytes"},
		{"mikrotik", "icmp,size=65500", "", "", "mikrotik: knock 1 of 1 (icmp): RouterOS cannot match a packet of this size"},
		{"mikrotik", "udp:4472,size=65500", "", "", "mikrotik: knock 1 of 1 (udp): RouterOS cannot match a packet of this size"},
	} {
		d := door(t, tt.knocks, tt.closes)
		if tt.stanza != "" {
			d.with(stanza(t, tt.stanza))
		}
		text, err := Make(tt.format, d)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || text != "" {
			t.Errorf("%s of %.30q: got %v, want %s", tt.format, tt.knocks, err, tt.want)
			continue
		}
		for _, secret := range []string{"447", "swordfish", "trout", "reboot"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s of %.30q: the error %q shows %s", tt.format, tt.knocks, err, secret)
			}
		}
	}
}

// TestTwoWays has two hosts that cannot be combined.
func TestTwoWays(t *testing.T) {
	d := door(t, "fwknop", "")
	d.with(stanza(t, "KEY swordfish\n"))
	other := door(t, "fwknop", "")
	other.with(stanza(t, "KEY trout\nSPA_SERVER_PORT 4471\n"))
	other.Hosts[0].Name = "anna"
	d.Hosts = append(d.Hosts, other.Hosts[0])
	if _, err := Make("fwknopd", d); err == nil || err.Error() != "fwknopd: anna: its packet is not sent the same way as that of tango" {
		t.Errorf("got %v, want an error", err)
	}
}

// TestFwknopdNAT has a stanza that cannot come from a file.
func TestFwknopdNAT(t *testing.T) {
	d := door(t, "fwknop", "")
	s := stanza(t, "KEY swordfish\n")
	s.NAT = "10.0.0.2,$(reboot)"
	d.with(s)
	if _, err := Make("fwknopd", d); err == nil || err.Error() != "fwknopd: ~/.fwknoprc: NAT_ACCESS leads to no port" {
		t.Errorf("got %v, want an error", err)
	}
}

// TestFwknopdQuotes has the shell read a script in which a user's name is a trap.
func TestFwknopdQuotes(t *testing.T) {
	d := door(t, "fwknop", "")
	d.with(stanza(t, "KEY swordfish\nSPOOF_USER $(reboot)`reboot`'\n"))
	d.Hosts[0].Name = "$(reboot)'\"`"
	text, err := Make("fwknopd", d)
	if err != nil {
		t.Fatal(err)
	}
	for _, sh := range []string{"dash", "bash", "sh"} {
		path, err := exec.LookPath(sh)
		if err != nil {
			continue
		}
		cmd := exec.Command(path, "-n")
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s -n: %v: %s", sh, err, out)
		}
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, "reboot") && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "REQUIRE_USERNAME ") {
			t.Errorf("the shell reads %q", line)
		}
	}
	_, rest, _ := strings.Cut(text, "access.conf <<'END'\n")
	if inside, _, _ := strings.Cut(rest, "\nEND\n"); !strings.Contains(inside, "reboot") {
		t.Errorf("the name is not between quotes:\n%s", text)
	}
}

func TestTimes(t *testing.T) {
	for _, tt := range []struct {
		knocks string
		delay  time.Duration
		knockd int
		life   string
	}{
		{"1 2 3 4", 0, 5, "5s"},
		{"1 pause:1s 2 pause:1500 pause:600 3", 0, 8, "8s"},
		{"1 2 3 4", 2 * time.Second, 12, "7s"},
		{"once:/x", 0, 6, ""},
	} {
		d := door(t, tt.knocks, "")
		if got := knockdTimeout(d.Hosts[0].Knock, tt.delay); got != tt.knockd {
			t.Errorf("knockd %q: got %v, want %v", tt.knocks, got, tt.knockd)
		}
		if got := mikrotikLife(d.Hosts[0].Knock, tt.delay); got != tt.life && tt.life != "" {
			t.Errorf("mikrotik %q: got %v, want %v", tt.knocks, got, tt.life)
		}
	}
}
