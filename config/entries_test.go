package config_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"knockpipe/config"
)

// TestEntries shows what -G prints: each setting once, with the line that it comes
// from, and the sequence as it was written.
func TestEntries(t *testing.T) {
	tests := []struct{ name, side, config, want string }{
		{"wrong in ssh's keyword", "", "Port 0\nAddressFamily inet9\nConnectTimeout 1x\nUser a\n", "user a # ~/.ssh/config:4\n"},
		{"control character", "", "User a\x1b[31mb\n", "user a?[31mb # ~/.ssh/config:1\n"},
		{"nothing", "", "", ""},

		{"order", "KnockTries 2\n", "# KnockDelay: 20\nIgnoreUnknown x\nPort 2222\nUser git\n# Knock: 1 udp:2\nHostName %h.lan\n",
			"hostname web.lan # ~/.ssh/config:6\nuser git # ~/.ssh/config:4\nport 2222 # ~/.ssh/config:3\n" +
				"knock 1 udp:2 # ~/.ssh/config:5\nknockdelay 20 # ~/.ssh/config:1\nknocktries 2 # ~/.ssh/knock_config:1\n"},
		{"as written", "", "# Knock: 0022/TCP 7000,8000:udp\n", "knock 0022/TCP 7000,8000:udp # ~/.ssh/config:1\n"},
		{"family as written", "", "AddressFamily INET6\n", "addressfamily INET6 # ~/.ssh/config:1\n"},
		{"without comment", "", "# Knock: 1 2 # three\n", "knock 1 2 # ~/.ssh/config:1\n"},
		{"quotes", "", "User \"a b\"\n", "user \"a b\" # ~/.ssh/config:1\n"},
		{"none", "", "# Knock: NONE\n", "knock none # ~/.ssh/config:1\n"},
		{"a user called none", "", "User NONE\n# Knock: 1\n", "user NONE # ~/.ssh/config:1\nknock 1 # ~/.ssh/config:2\n"},
		{"first", "Knock 1\n", "# Knock: 2\n", "knock 1 # ~/.ssh/knock_config:1\n"},
		{"of an included file", "", "Include a\n", "knock 7 # ~/.ssh/a:3\n"},
		{"CRLF", "", "Port 1\r\n\r\n# Knock: 1\r\n", "port 1 # ~/.ssh/config:1\nknock 1 # ~/.ssh/config:3\n"},
	}
	for _, tt := range tests {
		h := newHome(t, map[string]string{"knock_config": tt.side, "config": tt.config, "a": "\n\n# Knock: 7\n"})
		s, err := h.Load(query("web", ""))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var got strings.Builder
		for _, e := range s.Entries() {
			fmt.Fprintf(&got, "%s %s # %s\n", e.Keyword, e.Value, h.trim(e.Origin.String()))
			if origin := s.Origin(e.Keyword); origin != e.Origin {
				t.Errorf("%s: Origin(%q) = %v, want %v", tt.name, e.Keyword, origin, e.Origin)
			}
		}
		if got.String() != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got.String(), tt.want)
		}
	}
}

// TestOrigin checks which line set a keyword.
func TestOrigin(t *testing.T) {
	h := newHome(t, map[string]string{
		"knock_config": "KnockTries 2\n",
		"config":       "ConnectTimeout 5\nPort 0\n\nHost web\n# Knock: none\n# KnockTries: 3\n# KnockTimeout: 3\n",
	})
	s, err := h.Load(query("web", ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ keyword, want string }{
		{"KnockDelay", ""},
		{"Port", ""}, // what ssh would refuse sets nothing
		{"Host", ""},
		{"Knok", ""},
		{"", ""},

		{"knock", "~/.ssh/config:5"},
		{"KNOCKTIMEOUT", "~/.ssh/config:7"},
		{"KnockTries", "~/.ssh/knock_config:1"},
		{"ConnectTimeout", "~/.ssh/config:1"},
	} {
		if got := h.trim(s.Origin(tt.keyword).String()); got != tt.want {
			t.Errorf("Origin(%q) = %q, want %q", tt.keyword, got, tt.want)
		}
	}
	known := query("web", "")
	known.NoKnock = true
	if s, err = h.Load(known); err != nil || s.Origin("Knock") != (config.Origin{}) {
		t.Errorf("a knock that is known already: got %v, %v, want no line", s.Origin("Knock"), err)
	}
}

// TestKeywords checks that each setting's keyword is listed, in order.
func TestKeywords(t *testing.T) {
	h := newHome(t, map[string]string{"config": "# Knock: 1\nConnectTimeout 5\n# KnockMemory: no\nHostName a\n# KnockClose: 1\nUser a\n"})
	s, err := h.Load(query("web", ""))
	if err != nil || len(s.Entries()) != 6 {
		t.Fatalf("got %v, %v, want 6 settings", s.Entries(), err)
	}
	names := config.Keywords()
	for _, e := range s.Entries() {
		i := slices.IndexFunc(names, func(name string) bool { return strings.ToLower(name) == e.Keyword })
		if i < 0 {
			t.Fatalf("%s is no keyword, or not in the order of the settings", e.Keyword)
		}
		names = names[i+1:]
	}
}
