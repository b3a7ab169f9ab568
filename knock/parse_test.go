package knock_test

import (
	"slices"
	"strings"
	"testing"

	"knockpipe/knock"
)

func TestParse(t *testing.T) {
	tests := []struct {
		words string // separated by blanks
		want  string // the sequence, or the error after "error: "
	}{
		// bad
		{"0", "error: knock 1 of 1: port not between 1 and 65535"},
		{"1 70000", "error: knock 2 of 2: port not between 1 and 65535"},
		{"99999999999999999999", "error: knock 1 of 1: port not between 1 and 65535"},
		{"-1", "error: knock 1 of 1: not a port number"},
		{"+1", "error: knock 1 of 1: not a port number"},
		{"12345x", "error: knock 1 of 1: not a port number"},
		{"1 tcp:", "error: knock 2 of 2: not a port number"},
		{"1 udp:x", "error: knock 2 of 2: not a port number"},
		{"1,2: 3", "error: knock 2 of 3: unknown protocol: tcp, udp, icmp, pause, fwknop, once, token or exec"},
		{"1:2", "error: knock 1 of 1: unknown protocol: tcp, udp, icmp, pause, fwknop, once, token or exec"},
		{"1/2", "error: knock 1 of 1: unknown protocol: tcp, udp, icmp, pause, fwknop, once, token or exec"},
		{"4471:4472x", "error: knock 1 of 1: unknown protocol: tcp, udp, icmp, pause, fwknop, once, token or exec"},
		{"sctp:4471", `error: knock 1 of 1: unknown protocol "sctp": tcp, udp, icmp, pause, fwknop, once, token or exec`},
		{"tpc:4471", `error: knock 1 of 1: unknown protocol "tpc": tcp, udp, icmp, pause, fwknop, once, token or exec`},
		{"4471/UPD", `error: knock 1 of 1: unknown protocol "UPD": tcp, udp, icmp, pause, fwknop, once, token or exec`},
		{"icmpv6,size=95", "error: knock 1 of 1: not a port number"},
		{"4471/tcp6", `error: knock 1 of 1: unknown protocol "tcp6": tcp, udp, icmp, pause, fwknop, once, token or exec`},
		{"tc4:4471", "error: knock 1 of 1: unknown protocol: tcp, udp, icmp, pause, fwknop, once, token or exec"},
		{"hunter:two", "error: knock 1 of 1: unknown protocol: tcp, udp, icmp, pause, fwknop, once, token or exec"},
		{"udp:4471,text=open sesame:now", "error: knock 2 of 2: unknown protocol: tcp, udp, icmp, pause, fwknop, once, token or exec"},
		{"once:/lists/tango secret/list", "error: knock 2 of 2: unknown protocol: tcp, udp, icmp, pause, fwknop, once, token or exec"},
		{"4471/once", "error: knock 1 of 1: once needs a value: once:FILE"},
		{"once", "error: knock 1 of 1: once needs a value: once:FILE"},
		{"once/list", "error: knock 1 of 1: once needs a value: once:FILE"},
		{"EXEC", "error: knock 1 of 1: exec needs a value: exec:COMMAND"},
		{"4471:exec", "error: knock 1 of 1: exec needs a value: exec:COMMAND"},
		{"4471 pause", "error: knock 2 of 2: pause needs a value: pause:TIME"},
		{"4471/fwknop", "error: knock 1 of 1: fwknop takes no port"},
		{"1 4471/icmp", "error: knock 2 of 2: icmp takes no port"},
		{"icmp:4471", "error: knock 1 of 1: icmp takes no port"},
		{"icmp,size=65508", "error: knock 1 of 1: size= takes a number of bytes up to 65507"},
		{"icmp,size=-1", "error: knock 1 of 1: size= takes a number of bytes up to 65507"},
		{"icmp,text=4471", "error: knock 1 of 1: icmp has no option text"},
		{"udp:1,size=0", "error: knock 1 of 1: size= takes a number of bytes up to 65507"},
		{"udp:1,hex=447", "error: knock 1 of 1: hex= takes pairs of hexadecimal digits"},
		{"udp:1,hex=", "error: knock 1 of 1: hex= takes pairs of hexadecimal digits"},
		{"udp:1,text=", "error: knock 1 of 1: text= needs a payload"},
		{"udp:1,connect", "error: knock 1 of 1: udp has no option connect"},
		{"udp:1,size=2,hex=00", "error: knock 1 of 1: size= takes a number of bytes up to 65507"},
		{"tcp:1,size=2", "error: knock 1 of 1: tcp has no option size"},
		{"tcp:1,connect,connect", "error: knock 1 of 1: unknown option after the comma"},
		{"1,secret4471", "error: knock 1 of 1: unknown option after the comma"},
		{"1 pause:", "error: knock 2 of 2: not a time up to 1m0s, such as 250ms or 1s"},
		{"1 pause:0", "error: knock 2 of 2: not a time up to 1m0s, such as 250ms or 1s"},
		{"1 pause:2m", "error: knock 2 of 2: not a time up to 1m0s, such as 250ms or 1s"},
		{"1 pause:5s,size=2", "error: knock 2 of 2: pause has no option size"},
		{"pause:1s", "error: only pauses: the sequence has no knock"},
		{"udp:1,size=65507 icmp,size=30", "error: knock 2 of 2: more than 65536 bytes of payload in the sequence"},
		{":1", "error: knock 1 of 1: unknown protocol: tcp, udp, icmp, pause, fwknop, once, token or exec"},
		{"1,", "error: knock 1 of 1: nothing after the comma: no blank is allowed there"},
		{"7000:udp, 8000:tcp", "error: knock 1 of 2: nothing after the comma: no blank is allowed there"},
		{"1,,2", "error: knock 1 of 2: nothing after the comma: no blank is allowed there"},
		{",1", "error: knock 1 of 2: empty"},
		{"1,udp:2", "error: knock 1 of 1: unknown option after the comma"},
		{"1;2", "error: knock 1 of 1: not a port number"},
		{"１２", "error: knock 1 of 1: not a port number"},
		{strings.Repeat("1 ", 65), "error: 65 knocks: a sequence has at most 64"},
		{strings.Repeat("1,", 9999) + "1", "error: 10000 knocks: a sequence has at most 64"},

		// good
		{"", ""},
		{"12345 23456 34567 45678", "12345 23456 34567 45678"},
		{"1 65535 0022", "1 65535 22"},
		{"1/tcp 2:tcp tcp:3 tcp/4 5/TCP", "1 2 3 4 5"},
		{"1/udp 2:udp udp:3 udp/4 Udp:5", "udp:1 udp:2 udp:3 udp:4 udp:5"},
		{"7000,8000:udp,9000", "7000 udp:8000 9000"},
		{"7000:udp,8000 1", "udp:7000 8000 1"},
		{"udp:1,text=a 2", "udp:1,hex=61 2"},
		{"udp:1,TEXT=a,2,b=c 3", "udp:1,hex=612c322c623d63 3"},
		{"1,udp:2,text=1", "error: knock 1 of 1: unknown option after the comma"},
		{"7000,8000:udp,hex=0A0b,9000", "7000 udp:8000,hex=0a0b 9000"},
		{"udp:1,size=3 udp:2,size=1", "udp:1,hex=000000 udp:2"},
		{"icmp icmp,size=0 ICMP,SIZE=95", "icmp,size=56 icmp,size=0 icmp,size=95"},
		{"1,connect tcp:2,CONNECT 3/tcp,connect,4", "1,connect 2,connect 3,connect 4"},
		{"fwknop FWKNOP:tango 1", "fwknop fwknop:tango 1"},
		{"fwknop:a,2/b:c", "fwknop:a,2/b:c"},
		{"fwknop:", "fwknop"},
		{"once:", "error: knock 1 of 1: nothing after once:"},
		{"once:/a,1:b 2", "error: once: cannot be combined with other knocks"},
		{"once:/a,1:b", "once:/a,1:b"},
		{"exec:", "error: knock 1 of 1: nothing after exec:"},
		{"exec:/bin/x,1:2 3", "exec:/bin/x,1:2 3"},
		{"exec:a\x01", "error: knock 1 of 1: the text after exec: is too long or contains a control character"},
		{"fwknop,text=1", "error: knock 1 of 1: not a port number"},
		{"1 pause:250 2 pause:1.5s 3", "1 pause:250ms 2 pause:1.5s 3"},
		{strings.Repeat("1 ", 64), strings.Repeat("1 ", 63) + "1"},
	}
	for _, tt := range tests {
		seq, err := knock.Parse(strings.Fields(tt.words))
		got := seq.String()
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != tt.want {
			t.Errorf("Parse(%.40q) = %q, want %q", tt.words, got, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "447") {
			t.Errorf("Parse(%q): the error %q shows a port", tt.words, err)
		}
	}
	if _, err := knock.Parse([]string{""}); err == nil || err.Error() != "knock 1 of 1: empty" {
		t.Errorf("Parse of an empty word = %v, want an error", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("12345 23456 34567 45678")
	f.Add("7000,8000:udp,9000/tcp")
	f.Add("udp:7000,text=open ,: /")
	f.Add("icmp,size=95 pause:250 443,connect udp:1,hex=00ff udp:1,size=9")
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Fields(line)
		seq, err := knock.Parse(words)
		if err != nil {
			said := strings.NewReplacer("between 1 and 65535", "", "65507", "", "65536", "", "250ms", "").Replace(err.Error())
			for _, word := range words {
				if len(word) > 2 && strings.Trim(word, "0123456789") == "" && strings.Contains(said, word) && len(words) <= knock.MaxSteps {
					t.Fatalf("the error %q shows %q", err, word)
				}
			}
			return
		}
		if len(seq) < len(words) || len(seq) > knock.MaxSteps {
			t.Fatalf("%d words made %d knocks", len(words), len(seq))
		}
		again, err := knock.Parse(strings.Fields(seq.String()))
		if err != nil || !slices.Equal(again, seq) {
			t.Fatalf("%q is read again as %v, %v", seq, again, err)
		}
	})
}
