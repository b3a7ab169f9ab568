package cli

import (
	"strings"
	"testing"
)

func TestCallWords(t *testing.T) {
	for _, tt := range []struct{ command, want string }{
		{"", ""},
		{"nc tango 22", ""},
		{"ssh gate knockpipe tango 22", ""},
		{"sh -c 'knockpipe tango 22'", ""},
		{"exec", ""},
		{"exec -a x knockpipe tango 22", ""},
		{"FOO=1 knockpipe tango 22", ""},
		{"knockpipe tango 22 2>/dev/null", ""},
		{"knockpipe tango 22 | tee log", ""},
		{"knockpipe -f $HOME/a tango 22", ""},
		{`knockpipe -f "$HOME/a" tango 22`, ""},
		{`knockpipe -f "~/a" tango 22`, ""}, // which the shell does not replace
		{"knockpipe -f ~anna/a tango 22", ""},
		{`knockpipe -f 'a\'b tango 22`, ""},
		{`knockpipe "tango 22`, ""},
		{"knockpipe", "knockpipe"},
		{"knockpipe tango 22 # $x", "knockpipe|tango|22"},
		{"exec  knockpipe tango 22", "knockpipe|tango|22"},
		{`"/opt/my tools/knockpipe" tango '22'`, "/opt/my tools/knockpipe|tango|22"},
		{`$HOME/bin/knockpipe -f ~/a tango 22`, `$HOME/bin/knockpipe|-f|/home/anna/a|tango|22`},
		{`C:\bin\knockpipe.exe tango 22`, `C:\bin\knockpipe.exe|tango|22`},
		{`knockpipe tango 22 udp:7000,text="a b"`, "knockpipe|tango|22|udp:7000,text=a b"},
	} {
		words, ok := callWords(tt.command, "/home/anna")
		if got := strings.Join(words, "|"); ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("%s: got %q, %v, want %q", tt.command, got, ok, tt.want)
		}
	}
}
