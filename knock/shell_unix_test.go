//go:build unix

package knock

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestShellFilter has the messages of several shells, and what commands print.
func TestShellFilter(t *testing.T) {
	const hidden = "sh: the command failed; the shell's message is not shown, because it quotes the command\n"
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"knocked", "knocked"},
		{"knock: no route to 198.51.100.2\nknockpipe-", "knock: no route to 198.51.100.2\nknockpipe-"},
		{"kn\nknockpipe-s\nknockpipe-k\n", "kn\nknockpipe-s\nknockpipe-k\n"},
		{"knockpipe-sh: 1: eval: hunter2: not found\n", "sh: not found\n"},           // dash
		{"knockpipe-sh: 4: hunter2: Permission denied\n", "sh: Permission denied\n"}, // dash
		{"knockpipe-sh: 1: eval: Syntax error: \"hunter2\" unexpected\n", hidden},
		{"knockpipe-sh: line 4: hunter2: command not found\nnext\n", "sh: command not found\nnext\n"}, // bash
		{"knockpipe-sh: eval: line 4: syntax error near unexpected token `hunter2'\nknockpipe-sh: eval: line 4: `for hunter2'\n", hidden + hidden},
		{"knockpipe-sh: line 0: hunter2: not found\n", "sh: not found\n"},                                     // busybox
		{"knockpipe-sh[4]: eval[1]: hunter2: inaccessible or not found\n", "sh: inaccessible or not found\n"}, // mksh
		{"knockpipe-sh:4: command not found: hunter2\n", hidden},                                              // zsh
		{"no end of line: knockpipe-sh: 1: hunter2: not found", "no end of line: sh: not found\n"},
		{"before\nknockpipe-sh: 1: " + strings.Repeat("hunter2", 3000) + ": not found\nafter\n", "before\nsh: not found\nafter\n"},
	} {
		for name, from := range map[string]io.Reader{
			"at once": strings.NewReader(tt.in), "by bytes": iotest.OneByteReader(strings.NewReader(tt.in)),
		} {
			var out bytes.Buffer
			(&shellFilter{to: &out}).copy(from)
			if got := out.String(); got != tt.want {
				t.Errorf("%.60q %s: got %q, want %q", tt.in, name, got, tt.want)
			}
		}
	}
}

// TestShellFilterPrompt shows text without an end of line at once.
func TestShellFilterPrompt(t *testing.T) {
	var out bytes.Buffer
	f := &shellFilter{to: &out, held: []byte("Password: ")}
	if f.pass(false); out.String() != "Password: " {
		t.Errorf("got %q, want the prompt", out.String())
	}
}

func FuzzShellFilter(f *testing.F) {
	f.Add("knocked\nknockpipe-sh: 1: SECRET: not found\nknockpipe-", 3)
	f.Fuzz(func(t *testing.T, text string, n int) {
		var whole, parts bytes.Buffer
		(&shellFilter{to: &whole}).copy(strings.NewReader(text))
		n = min(max(n, 0), len(text))
		(&shellFilter{to: &parts}).copy(io.MultiReader(strings.NewReader(text[:n]), strings.NewReader(text[n:])))
		if len(text) < maxMessage && whole.String() != parts.String() {
			t.Errorf("%q: got %q, and %q in two parts", text, whole.String(), parts.String())
		}
		if strings.Contains(whole.String(), shellName+":") {
			t.Errorf("%q: got %q", text, whole.String())
		}
	})
}
