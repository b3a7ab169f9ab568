package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

func TestParseArgs(t *testing.T) {
	tests := []struct {
		args string
		want string // the error, or the fields that are set
	}{
		// bad
		{"", "error: no host given"},
		{"tango", "error: no port given"},
		{"tango ssh", `error: bad port "ssh": not a number between 1 and 65535`},
		{"tango 0", `error: bad port "0": not a number between 1 and 65535`},
		{"tango 70000", `error: bad port "70000": not a number between 1 and 65535`},
		{"tango -1", `error: bad port "-1": not a number between 1 and 65535`},
		{"tango 22 99999", "error: knock 1 of 1: port not between 1 and 65535"},
		{"tango 22 sctp:1", `error: knock 1 of 1: unknown protocol "sctp": tcp, udp, icmp, pause, fwknop, once, token or exec`},
		{"-- -oProxyCommand=x 22", `error: bad host name "-oProxyCommand=x"`},
		{"-oProxyCommand=x 22", "error: unknown option: -oProxyCommand"},
		{"-4 -6 tango 22", "error: -4 and -6 cannot be combined"},
		{"-w never tango 22", `error: invalid value "never" for -w: not a time above zero, such as 5, 2.5s or 1m`},
		{"tango 22 1 -v", "error: options go before the host"},
		{"tango -v", "error: options go before the host"},
		{"tango -trial 5m", "error: options go before the host"},
		{"-w 0 tango 22", `error: invalid value "0" for -w: not a time above zero, such as 5, 2.5s or 1m`},
		{"-timeout -1 tango 22", `error: invalid value "-1" for -timeout: not a time above zero, such as 5, 2.5s or 1m`},
		{"-w NaN tango 22", `error: invalid value "NaN" for -w: not a time above zero, such as 5, 2.5s or 1m`},
		{"-w", "error: option needs an argument: -w"},
		{"-s tango 22", `error: invalid value "tango" for -s: not an address`},
		{"-s 127.0.0.1 -6 tango 22", "error: source address 127.0.0.1 is not an IPv6 address"},
		{"-n -oProxyCommand=x tango 22", `error: bad alias "-oProxyCommand=x"`},
		{"-k -G tango 22 1", "error: -k and -G cannot be combined"},
		{"-k=x tango 22 1", `error: invalid boolean value "x" for -k: parse error`},
		{"-F -k tango 22 1", "error: -F and -k cannot be combined"},
		{"-rules ufw tango", `error: -rules: unknown format "ufw": fwknopd, iptables, knockd, mikrotik, nftables`},
		{"-once 1 list", `error: invalid value "1" for -once: not a number between 2 and 10000`},
		{"-once 3", "error: -once takes a number and one file"},
		{"-once 3 list 22", "error: -once takes a number and one file"},
		{"-lan 192.0.2.1 tango 22", "error: -lan needs -rules"},
		{"-wait tango 22", "error: -wait needs -check"},

		{"-rules nftables -lan 192.0.2.0/33 tango", `error: invalid value "192.0.2.0/33" for -lan: "192.0.2.0/33" is not a network such as 192.0.2.0/24 or 2001:db8::/32`},
		{"-rules nftables -lan 192.0.2.1,::ffff:0:0/95 tango", `error: invalid value "192.0.2.1,::ffff:0:0/95" for -lan: "::ffff:0:0/95" is not a network such as 192.0.2.0/24 or 2001:db8::/32`},
		{"-rules nftables -lan ::ffff:0.0.0.0/96 tango", `error: invalid value "::ffff:0.0.0.0/96" for -lan: "::ffff:0.0.0.0/96" would let everybody in`},

		// good
		{"tango 22", "tango 22 [] IP"},
		{"-- tango 022 1 2/udp", "tango 22 [1 udp:2] IP"},
		{"-4 tango 22 1", "tango 22 [1] IPv4"},
		{"-6 -w 5 ::1 22 1", "::1 22 [1] IPv6 timeout 5s"},
		{"-w 2.5 tango 22", "tango 22 [] IP timeout 2.5s"},
		{"-timeout 1m tango 22", "tango 22 [] IP timeout 1m0s"},
		{"-source ::1 tango 22", "tango 22 [] IPv6 source ::1"},
		{"-n alias -l me -E file -f conf -v -vv -k tango 22 1", "tango 22 [1] IP alias alias login me config conf log file verbose 3 knock only"},
		{"-alias alias -login me -log file -config conf -knock-only tango 22 1", "tango 22 [1] IP alias alias login me config conf log file knock only"},
		{"-n %n -- tango 22", "tango 22 [] IP"},
		{"-alias %n tango 22", "tango 22 [] IP"},
		{"-n %n. tango 22", "tango 22 [] IP alias %n."},
		{"fe80::1%eth0 22", "fe80::1%eth0 22 [] IP"},
		{"-G tango", "tango 0 [] IP explain"},
		{"-G tango 22 1", "tango 22 [1] IP explain"},
	}
	for _, tt := range tests {
		if got := describe(parseOptions(strings.Fields(tt.args))); got != tt.want {
			t.Errorf("knockpipe %s: got %v, want %v", tt.args, got, tt.want)
		}
	}
	for _, host := range []string{"", "two words", "bell\a", "line\nend"} {
		if q, err := parseOptions([]string{host, "22"}); err == nil {
			t.Errorf("host %q: got %v, want an error", host, q)
		}
	}
}

// describe shows the options in one line.
func describe(o *options, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %v %v", o.host, o.port, []any{o.knocks}, o.family)
	for _, f := range []struct {
		name string
		set  bool
		val  any
	}{
		{"timeout", o.timeout > 0, o.timeout}, {"source", o.source.IsValid(), o.source},
		{"alias", o.alias != "", o.alias}, {"login", o.login != "", o.login}, {"config", o.config != "", o.config},
		{"log", o.logFile != "", o.logFile}, {"verbose", o.verbose > 0, o.verbose},
	} {
		if f.set {
			fmt.Fprintf(&b, " %s %v", f.name, f.val)
		}
	}
	switch o.mode {
	case knockMode:
		b.WriteString(" knock only")
	case explainMode:
		b.WriteString(" explain")
	}
	return b.String()
}

func TestReporterKeepsLinesWhole(t *testing.T) {
	path := t.TempDir() + "/log"
	r := &reporter{stderr: io.Discard}
	if err := r.open(path); err != nil {
		t.Fatal(err)
	}
	r.logf("two\nlines")
	r.fail(fmt.Errorf("bell \a and escape \x1b[2J"))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), "\n"); n != 2 {
		t.Errorf("2 events made %d lines: %q", n, data)
	}
	if strings.ContainsAny(string(data), "\a\x1b") {
		t.Errorf("control characters got through: %q", data)
	}
}

// TestTwoModes checks that no two modes can be combined, in either order. A mode that is
// given twice counts once, and one that is switched off does not count.
func TestTwoModes(t *testing.T) {
	modes := map[string]string{"-k": "-k", "-G": "-G", "-check": "-check", "-rules nftables": "-rules", "-once 3": "-once"}
	for one, option := range modes {
		for other, otherOption := range modes {
			line := one + " " + other + " tango"
			want := "error: " + option + " and " + otherOption + " cannot be combined"
			if one == other {
				want = ""
			}
			if got := describe(parseOptions(strings.Fields(line))); want != "" && got != want || want == "" && strings.Contains(got, "exclude") {
				t.Errorf("knockpipe %s: got %v, want %v", line, got, want)
			}
		}
		line := "-F " + one + " tango 22"
		if got, want := describe(parseOptions(strings.Fields(line))), "error: -F and "+option+" cannot be combined"; got != want {
			t.Errorf("knockpipe %s: got %v, want %v", line, got, want)
		}
	}
	for _, line := range []string{"-k=false -G tango", "-k -k=false -G tango", "-G -h -k tango", "-V -k -G"} {
		if o, err := parseOptions(strings.Fields(line)); err != nil {
			t.Errorf("knockpipe %s: got %v, %v, want no error", line, o, err)
		}
	}
}
