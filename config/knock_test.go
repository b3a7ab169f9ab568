package config_test

import (
	"fmt"
	"testing"
	"time"

	"knockpipe/internal/ip"
)

// TestComment distinguishes knocks from prose in ssh's own files. The port of prose is 9.
func TestComment(t *testing.T) {
	tests := []struct{ name, config, want string }{
		// prose
		{"no colon", "# Knock 9\n", ""},
		{"off", "## Knock: 9\n", ""},
		{"off, glued", "##Knock: 9\n", ""},
		{"off, apart", "# # Knock: 9\n", ""},
		{"in a sentence", "# First Knock: 9\n", ""},
		{"longer word", "# Knocking: 9\n", ""},
		{"longer word", "# Knocks: 9\n", ""},
		{"shorter word", "# Knoc: 9\n", ""},
		{"unknown keyword", "# KnockDelays: 9\n", ""},
		{"two words", "# Knock on: 9\n", ""},
		{"not ours", "# Port: 9\n", ""},
		{"'='", "# Knock = 9\n", ""},
		{"quoted", "# \"Knock\": 9\n", ""},
		{"after a keyword", "User ann # Knock: 9\n", ""},
		{"after Host", "Host web # Knock: 9\n", ""},
		{"after Match", "Match all # Knock: 9\n", ""},
		{"after IgnoreUnknown", "IgnoreUnknown x # Knock: 9\n", ""},
		{"in a value", "ProxyCommand sh -c '# Knock: 9'\n", ""},
		{"another block", "Host db\n# Knock: 9\n", ""},
		{"a dash", "- # Knock: 9\n", ""},
		{"form feed", "\f# Knock: 9\n", ""},
		{"no-break space", "#\u00a0Knock: 9\n", ""},
		{"letter of another alphabet", "# \u212anock: 9\n", ""}, // the sign of Kelvin

		{"plain", "# Knock: 1 2 3\n", "1 2 3"},
		{"no blank", "#Knock:1 2 3\n", "1 2 3"},
		{"blanks", "#   Knock:   1\t2  3\n", "1 2 3"},
		{"tabs", "\t#\tKnock:\t1 2 3\n", "1 2 3"},
		{"indent", "    # Knock: 1\n", "1"},
		{"case", "# kNoCk: 1\n", "1"},
		{"upper case", "# KNOCK: 1\n", "1"},
		{"no line end", "# Knock: 1", "1"},
		{"CRLF", "# Knock: 1 2\r\n", "1 2"},
		{"trailing blanks", "# Knock: 1 2 \t \n", "1 2"},
		{"form feed at the end", "# Knock: 1 2\f\n", "1 2"},
		{"comment in the comment", "# Knock: 1 2 # and 9\n", "1 2"},
		{"quotes", "# Knock: \"1\" '2'\n", "1 2"},
		{"commas", "# Knock: 7000,8000:udp,9000\n", "7000 udp:8000 9000"},
		{"after NUL", "# Knock: 1\x00 9\n", "1"},
		{"before any block", "# Knock: 1\nHost db\n", "1"},
		{"between keywords", "Host web\n User ann\n # Knock: 1\n Port 22\n", "1"},
		{"unindented in a block", "Host web\n User ann\n# Knock: 1\n", "1"},
		{"after blank lines", "Host web\n\n\n# Knock: 1\n", "1"},
		{"above the next Host", "Host web\n# Knock: 1\nHost db\n", "1"},
		{"Latin-1 beside it", "# caf\xe9\n# Knock: 1\n# \xff\n", "1"},
		{"first of two", "# Knock: 1\n# Knock: 9\n", "1"},
		{"none, then one", "# Knock: none\n# Knock: 9\n", ""},
		{"NONE", "# Knock: NONE\n# Knock: 9\n", ""},
	}
	for _, tt := range tests {
		h := newHome(t, map[string]string{"config": tt.config})
		if got := h.knockOf("web"); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestFirst takes the first value of each keyword, in the order side file, user's
// file, system's file.
func TestFirst(t *testing.T) {
	tests := []struct{ name, side, user, system, want string }{
		{"nowhere", "", "", "", ""},
		{"elsewhere", "Host db\nKnock 1\n", "Host db\n# Knock: 2\n", "Host db\n# Knock: 3\n", ""},
		{"none in the side file", "Knock none\n", "# Knock: 2\n", "# Knock: 3\n", ""},
		{"none in the user's file", "", "# Knock: none\n", "# Knock: 3\n", ""},

		{"side", "Knock 1\n", "# Knock: 2\n", "# Knock: 3\n", "1"},
		{"side, as a comment", "# Knock: 1\n", "# Knock: 2\n", "", "1"},
		{"user", "Host db\nKnock 1\n", "# Knock: 2\n", "# Knock: 3\n", "2"},
		{"system", "Host db\nKnock 1\n", "Host db\n# Knock: 2\n", "# Knock: 3\n", "3"},
		{"wildcard in the side file", "Host *\nKnock 1\n", "Host web\n# Knock: 2\n", "", "1"},
		{"plain and comment", "", "IgnoreUnknown Knock*\nKnock 1\n# Knock: 2\n", "", "1"},
		{"comment and plain", "", "IgnoreUnknown Knock*\n# Knock: 2\nKnock 1\n", "", "2"},
		{"Match sees ssh's HostName", "Match host tango.example.org\nKnock 1\n", "HostName tango.example.org\n", "", "1"},
		{"Match sees ssh's User", "Match user git\nKnock 1\n", "", "User git\n", "1"},
		{"Host sees the alias", "Host web\nKnock 1\n", "HostName tango.example.org\n", "", "1"},
		{"Host sees the alias after a second reading", "Host web\nKnock 1\n", "HostName h\nMatch final\n", "", "1"},
		{"final in the side file", "Match final host h\nKnock 1\n", "HostName h\n", "", "1"},
	}
	for _, tt := range tests {
		h := newHome(t, map[string]string{"knock_config": tt.side, "config": tt.user, "/ssh_config": tt.system})
		if got := h.knockOf("web"); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestSettings takes every keyword on its own, from wherever it is first.
func TestSettings(t *testing.T) {
	h := newHome(t, map[string]string{
		"knock_config": "KnockDelay 20\nAddressFamily inet\nKnockTimeout 5\n",
		"config": "HostName %h.lan\n# KnockTimeout: 9\n# KnockTries: 3\nConnectTimeout 1m30s\n# KnockHost: gate\n" +
			"AddressFamily inet6\nBindInterface eth0\n",
		"/ssh_config": "Port 2222\n# Knock: 1 2\n# KnockClose: 2 1\n# KnockTries: 4\nUser git\nBindAddress 192.0.2.1\n",
	})
	s, err := h.Load(query("web", ""))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(s.HostName, s.User, s.Port, s.Family, s.BindAddress, s.BindInterface, s.ConnectTimeout,
		s.Knock, s.KnockClose, s.KnockDelay, s.KnockTimeout, s.KnockTries, s.KnockHost)
	want := fmt.Sprintln("web.lan", "git", 2222, ip.V4, "192.0.2.1", "eth0", 90*time.Second,
		"1 2", "2 1", 20*time.Millisecond, 5*time.Second, 3, "gate")
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestConnectTimeout reads times as ssh does, which ignores "none".
func TestConnectTimeout(t *testing.T) {
	for _, tt := range []struct {
		config string
		want   time.Duration
	}{
		{"ConnectTimeout x\n", 0},
		{"ConnectTimeout none\n", 0},
		{"ConnectTimeout none\nConnectTimeout 7\n", 7 * time.Second},
		{"ConnectTimeout 7\nConnectTimeout none\n", 7 * time.Second},
		{"ConnectTimeout 1m30s\n", 90 * time.Second},
		{"ConnectTimeout 1H\n", time.Hour},
	} {
		s, err := newHome(t, map[string]string{"config": tt.config}).Load(query("web", ""))
		if err != nil || s.ConnectTimeout != tt.want {
			t.Errorf("%q: got %v, %v, want %v", tt.config, s.ConnectTimeout, err, tt.want)
		}
	}
}

// TestAddressFamily reads each family. A value that ssh would refuse restricts nothing.
func TestAddressFamily(t *testing.T) {
	for _, tt := range []struct {
		config string
		want   ip.Family
	}{
		{"", ip.Any},
		{"AddressFamily inet9\n", ip.Any},
		{"AddressFamily any\nAddressFamily inet\n", ip.Any},
		{"AddressFamily inet\n", ip.V4},
		{"AddressFamily INET6\n", ip.V6},
	} {
		s, err := newHome(t, map[string]string{"config": tt.config}).Load(query("web", ""))
		if err != nil || s.Family != tt.want {
			t.Errorf("%q: got %v, %v, want %v", tt.config, s.Family, err, tt.want)
		}
	}
}

// TestFile reads only the file of -f.
func TestFile(t *testing.T) {
	h := newHome(t, map[string]string{"knock_config": "Knock 1\n", "config": "# Knock: 2\nPort 9\n", "/ssh_config": "# Knock: 3\n",
		"mine": "Host db\nKnock 4\nHost db2\n# Knock: 5\n", "deep": "Include mine\n"})
	for _, tt := range []struct{ file, host, want string }{
		{"missing", "db", "error: ~/.ssh/missing: no such file or directory"},
		{"mine", "web", ""},
		{"mine", "db", "4"},
		{"mine", "db2", "5"},
		{"deep", "db", "4"},
	} {
		h.File = h.path(tt.file)
		if got := h.knockOf(tt.host); got != tt.want {
			t.Errorf("-f %s, %s: got %v, want %v", tt.file, tt.host, got, tt.want)
		}
	}
	h.File = h.path("mine")
	if s, err := h.Load(query("web", "")); err != nil || s.Port != 0 {
		t.Errorf("got port %v, %v, want none: another file was read", s.Port, err)
	}
}
