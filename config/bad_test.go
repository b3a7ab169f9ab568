package config_test

import (
	"strings"
	"testing"
)

// TestBadKnock has Knock lines that cannot be read. The error says where, and none
// of its ports, all of which contain 447, may appear.
func TestBadKnock(t *testing.T) {
	tests := []struct{ name, side, config, want string }{
		{"port too large", "", "# Knock: 4471 44700\n# Knock: 4471 99447\n", "4471 44700"}, // outvoted
		{"port too large", "", "Host web\n  # Knock: 4471 99447\n",
			"error: ~/.ssh/config:2:17: Knock: knock 2 of 2: port not between 1 and 65535"},
		{"no number", "", "# Knock: 4471 4472x\n", "error: ~/.ssh/config:1:15: Knock: knock 2 of 2: not a port number"},
		{"first column", "", "#Knock:447x\n", "error: ~/.ssh/config:1:8: Knock: knock 1 of 1: not a port number"},
		{"after a tab", "", "\t#\tKnock:\t447x\n", "error: ~/.ssh/config:1:11: Knock: knock 1 of 1: not a port number"},
		{"quoted", "", "# Knock: 4471 \"447x\" 4472\n", "error: ~/.ssh/config:1:15: Knock: knock 2 of 3: not a port number"},
		{"same word twice", "", "# Knock: 447x 447x\n", "error: ~/.ssh/config:1:10: Knock: knock 1 of 2: not a port number"},
		{"plain", "Host web\n\tKnock 4471 sctp:4472\n", "",
			"error: ~/.ssh/knock_config:2:13: Knock: knock 2 of 2: unknown protocol \"sctp\": tcp, udp, icmp, pause, fwknop, once, token or exec"},
		{"plain, of the user's file", "", "IgnoreUnknown Knock\nKnock = 447x\n",
			"error: ~/.ssh/config:2:9: Knock: knock 1 of 1: not a port number"},
		{"close", "", "# KnockClose: 447x\n", "error: ~/.ssh/config:1:15: KnockClose: knock 1 of 1: not a port number"},
		{"too many", "", "# Knock: " + strings.Repeat("4471 ", 65) + "\n",
			"error: ~/.ssh/config:1:10: Knock: 65 knocks: a sequence has at most 64"},
		{"too long", "", "# Knock: " + strings.Repeat("4471 ", 13200) + "\n",
			"error: ~/.ssh/config:1:10: Knock: longer than 64 KiB"},
		{"unbalanced quote", "", "# Knock: 4471 \"4472\\\"\n", "error: ~/.ssh/config:1:10: Knock: unbalanced quotes"},
		{"unbalanced single quote", "Knock '4471\n", "", "error: ~/.ssh/knock_config:1:7: Knock: unbalanced quotes"},
		{"nothing", "", "# Knock:\n", "error: ~/.ssh/config:1:9: Knock: missing value"},
		{"nothing, plain", "Knock\n", "", "error: ~/.ssh/knock_config:1:6: Knock: missing value"},
		{"only a comment", "", "# Knock: # later\n", "error: ~/.ssh/config:1:10: Knock: missing value"},
		{"none and more", "", "# Knock: none 4471\n", "error: ~/.ssh/config:1:10: Knock: none cannot be combined with knocks"},
		{"more and none", "KnockClose 4471 NONE\n", "", "error: ~/.ssh/knock_config:1:17: KnockClose: none cannot be combined with knocks"},
		{"a blank in a payload", "", "# Knock: udp:4471,text=open sesame:4472\n",
			"error: ~/.ssh/config:1:29: Knock: knock 2 of 2: unknown protocol: tcp, udp, icmp, pause, fwknop, once, token or exec"},
		{"a blank in a command", "Knock exec:mytool hunter:two\n", "",
			"error: ~/.ssh/knock_config:1:19: Knock: knock 2 of 2: unknown protocol: tcp, udp, icmp, pause, fwknop, once, token or exec"},
		{"a list without its file", "", "# Knock: 4471/once\n", "error: ~/.ssh/config:1:10: Knock: knock 1 of 1: once needs a value: once:FILE"},
		{"a blank in a list", "", "# Knock: 4471:udp, 4472:tcp\n",
			"error: ~/.ssh/config:1:10: Knock: knock 1 of 2: nothing after the comma: no blank is allowed there"},
		{"delay", "KnockDelay 4471x\n", "", "error: ~/.ssh/knock_config:1:12: KnockDelay: not a time between 0s and 1m0s"},
		{"delay too long", "KnockDelay 61s\n", "", "error: ~/.ssh/knock_config:1:12: KnockDelay: not a time between 0s and 1m0s"},
		{"timeout", "KnockTimeout 0\n", "", "error: ~/.ssh/knock_config:1:14: KnockTimeout: not a time between 1ms and 1h0m0s"},
		{"timeout of NaN", "KnockTimeout NaN\n", "", "error: ~/.ssh/knock_config:1:14: KnockTimeout: not a time between 1ms and 1h0m0s"},
		{"tries", "KnockTries 0\n", "", "error: ~/.ssh/knock_config:1:12: KnockTries: not a number between 1 and 1000"},
		{"tries", "KnockTries -1\n", "", "error: ~/.ssh/knock_config:1:12: KnockTries: not a number between 1 and 1000"},
		{"host", "KnockHost -oProxyCommand=x\n", "", "error: ~/.ssh/knock_config:1:11: KnockHost: not a host name or address"},
		{"two hosts", "KnockHost a 4471\n", "", "error: ~/.ssh/knock_config:1:13: KnockHost: more than one value"},

		// What does not count is not looked at.
		{"block of another host", "", "Host db\n# Knock: 447x\nHost *\n# Knock: 4471\n", "4471"},
		{"outvoted in the file", "", "# Knock: 4471\n# Knock: 447x\n", "4471"},
		{"outvoted by the side file", "Knock 4471\n", "# Knock: 447x \"\n", "4471"},
		{"unbalanced in another block", "Host db\nKnock \"447\nHost *\nKnock 4471\n", "", "4471"},
		{"ssh's own keyword", "", "Port 447x\n# Knock: 4471\n", "4471"},
		{"no knock at all", "", "Host \"web\nPort \"\n", ""},
	}
	for _, tt := range tests {
		h := newHome(t, map[string]string{"knock_config": tt.side, "config": tt.config})
		got := h.knockOf("web")
		if got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
		if strings.HasPrefix(got, "error") && strings.Contains(got, "447") {
			t.Errorf("%s: the error %q shows a port", tt.name, got)
		}
	}
}

// TestUnknown has unknown keywords. In ssh's files ssh reports them, and in a comment
// they are prose.
func TestUnknown(t *testing.T) {
	tests := []struct{ side, config, want string }{
		{"Knok 4471\n", "", `error: ~/.ssh/knock_config:1: unknown keyword "Knok": did you mean Knock?`},
		{"\nHost db\nKnockdelay 1\nknockTimout 4471\n", "", `error: ~/.ssh/knock_config:4: unknown keyword "knockTimout": did you mean KnockTimeout?`},
		{"Hots web\n", "", `error: ~/.ssh/knock_config:1: unknown keyword "Hots": did you mean Host?`},
		{"ConectTimeout 5\n", "", `error: ~/.ssh/knock_config:1: unknown keyword "ConectTimeout": did you mean ConnectTimeout?`},
		{"Frobnicate 4471\n", "", `error: ~/.ssh/knock_config:1: unknown keyword "Frobnicate"`},
		{"ForwardAgent yes\n", "", `error: ~/.ssh/knock_config:1: unknown keyword "ForwardAgent"`},
		{"Knock: 4471\n", "", `error: ~/.ssh/knock_config:1: unknown keyword "Knock:": did you mean Knock?`},
		{strings.Repeat("x", 100) + " 4471\n", "", "error: ~/.ssh/knock_config:1: unknown keyword"},
		{"HostName a\n", "", "error: ~/.ssh/knock_config:1: HostName belongs in ssh's own config, not in this file"},
		{"User a\n", "", "error: ~/.ssh/knock_config:1: User belongs in ssh's own config, not in this file"},
		{"Port 4471\n", "", "error: ~/.ssh/knock_config:1: Port belongs in ssh's own config, not in this file"},

		{"# Knok: 1\n# anything\nknock 1\n", "", "1"},
		{"IgnoreUnknown Knock*\nKnock 1\n", "", "1"},
		{"", "Knok 1\nForwardAgent yes\nKnock 2\n", "2"},
	}
	for _, tt := range tests {
		h := newHome(t, map[string]string{"knock_config": tt.side, "config": tt.config})
		got := h.knockOf("web")
		if got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.side+tt.config, got, tt.want)
		}
		if strings.Contains(got, "4471") {
			t.Errorf("%q: the error %q shows a port", tt.side, got)
		}
	}
}

// TestUnknownSecret has keywords with a port attached, as when someone moves a comment to
// the side file.
func TestUnknownSecret(t *testing.T) {
	const want = "error: ~/.ssh/knock_config:1: unknown keyword"
	for _, line := range []string{
		"Knock:4471 4472", "Knock4471", "Knock,4471", "Knock-4471", "4471 4472", "tcp:4471", "4471/udp",
		"\"Knock 4471\" 4472", "Knock\u00a04471", "Knock-sesame447", "Knock:\f4471", "KnockClose:4471",
		"Knock:exec:sesame", "Knock-sesame", "Knocksesame", "Knock\"sesame\"", "Knock,text=sesame",
	} {
		h := newHome(t, map[string]string{"knock_config": line + "\n"})
		got := h.knockOf("web")
		if !strings.HasPrefix(got, want) || strings.Contains(got, "447") || strings.Contains(got, "sesame") {
			t.Errorf("%q: got %v, want %v, without a port", line, got, want)
		}
	}
}

// TestUnknownGiven reads the file of -f, which can be ssh's or ours: unknown Knock
// keywords are errors, others are ignored.
func TestUnknownGiven(t *testing.T) {
	for _, tt := range []struct{ config, want string }{
		{"KnockTrys 3\n", `error: ~/.ssh/mine:1: unknown keyword "KnockTrys": did you mean KnockTries?`},
		{"ForwardAgent yes\nFrobnicate\nHostName a\nKnock 1\n", "1"},
	} {
		h := newHome(t, map[string]string{"mine": tt.config})
		h.File = h.path("mine")
		if got := h.knockOf("web"); got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.config, got, tt.want)
		}
	}
}
