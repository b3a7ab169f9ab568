package config_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"knockpipe/config"
)

// TestOtherKeyUse warns of a key file that opens two servers.
func TestOtherKeyUse(t *testing.T) {
	const (
		tango  = "Host tango\n HostName 192.0.2.7\n # Knock: token:a.key\n"
		serves = "~/.ssh/config:3: the key file of %s serves %s too: if that is another server, a token seen on the way to one opens the other, so give each a key of its own"
	)
	other := func(name string, line int) string {
		return fmt.Sprintf(serves, "tango", fmt.Sprintf("%s (~/.ssh/config:%d)", name, line))
	}
	for _, tt := range []struct {
		name, side, config, host string
		want                     string
	}{
		{"another HostName", "", tango + "Host b\n HostName 192.0.2.8\n # Knock: token:a.key\n", "tango", other("b", 6)},
		{"by the HostName", "", tango + "Host b\n HostName 192.0.2.8\n # Knock: token:a.key\n", "192.0.2.7", other("b", 6)},
		{"another path to it", "", tango + "Host b\n HostName 192.0.2.8\n # Knock: token:~/.ssh/../.ssh/./a.key\n", "tango", other("b", 6)},
		{"a hard link", "", tango + "Host b\n # Knock: token:link.key\n", "tango", other("b", 5)},
		{"a symbolic link", "", tango + "Host b\n # Knock: token:symbolic.key\n", "tango", other("b", 5)},
		{"a file that is not there", "", "Host tango\n HostName 192.0.2.7\n # Knock: token:no.key\nHost b\n # Knock: token:no.key\n", "tango", other("b", 5)},
		{"from the side file", "Host b\nKnock token:a.key\n", tango, "tango", fmt.Sprintf(serves, "tango", "b (~/.ssh/knock_config:2)")},
		{"from an included file", "", tango + "Match all\nInclude in\n", "tango", fmt.Sprintf(serves, "tango", "b (~/.ssh/in:2)")},
		{"by Match", "", tango + "Match originalhost b\n # Knock: token:a.key\n", "tango", other("b", 5)},
		{"in one block", "", "Host tango b\n # KnockTries: 1\n # Knock: token:a.key\n", "tango", other("b", 3)},
		{"a pattern", "", "Host *.example.org\n User x\n # Knock: token:a.key\n", "tango.example.org",
			fmt.Sprintf(serves, "tango.example.org", "the hosts of a pattern (~/.ssh/config:3)")},
		{"a knock on the Host line", "", "Host tango Knock: 3333 4444\n HostName %h.example.org\n # Knock: token:a.key\n", "tango", ""},
		{"too many", "", tango + blocks(3000, "Host h@\n User x\n"), "tango",
			"~/.ssh/config:3: there are too many blocks to find out whether the key file of tango serves another host too"},

		{"no other", "", tango, "tango", ""},
		{"two names of one server", "", tango + "Host b\n HostName 192.0.2.7\n Port 2222\n # Knock: token:a.key\n", "tango", ""},
		{"two names in one block", "", "Host tango t\n HostName 192.0.2.7\n # Knock: token:a.key\n", "tango", ""},
		{"upper case", "", "Host tango t\n HostName A.example.org\n # Knock: token:a.key\nHost a.Example.org\n # Knock: token:a.key\n", "tango", ""},
		{"an address in an old form", "", tango + "Host b\n HostName 192.519\n # Knock: token:a.key\n", "tango", ""},
		{"another address in an old form", "", tango + "Host b\n HostName 192.520\n # Knock: token:a.key\n", "tango", other("b", 6)},
		{"an address mapped to IPv6", "", tango + "Host b\n HostName ::ffff:c000:207\n # Knock: token:a.key\n", "tango", ""},
		{"IPv6 in full", "", "Host tango\n HostName 2001:db8::7\n # Knock: token:a.key\nHost b\n HostName 2001:DB8:0:0:0:0:0:7\n # Knock: token:a.key\n", "tango", ""},
		{"the dot of the root", "", "Host tango\n HostName a.example.org.\n # Knock: token:a.key\nHost A.example.org\n # Knock: token:a.key\n", "tango", ""},
		{"another key", "", tango + "Host b\n # Knock: token:b.key\n", "tango", ""},
		{"another knock", "", tango + "Host b\n # Knock: 1 2\n", "tango", ""},
		{"of a host that cannot be read", "", tango + "Host b\n # Knock: x\n", "tango", ""},
		{"a pattern that says the HostName", "", "Host tango*\n HostName 192.0.2.7\n # Knock: token:a.key\n", "tango", ""},
		{"a knock without a key", "", "Host tango\n # Knock: 1\nHost b\n # Knock: token:a.key\n", "tango", ""},
	} {
		h := newHome(t, map[string]string{"knock_config": tt.side, "config": tt.config, "in": "Host b\n# Knock: token:a.key\n", "a.key": "", "b.key": ""})
		if err := os.Link(h.path("a.key"), h.path("link.key")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("a.key", h.path("symbolic.key")); err != nil {
			t.Skipf("skipping, this system makes no symbolic links: %v", err)
		}
		s, err := h.Load(config.Query{Name: tt.host})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got := ""
		if note := h.OtherKeyUse(s, ""); note != nil {
			got = h.trim(note.Origin.String() + ": " + note.Text)
		}
		if got != tt.want {
			t.Errorf("%s: got  %s\nwant %s", tt.name, got, tt.want)
		}
		if strings.Contains(got, ".key") || strings.Contains(got, "3333") {
			t.Errorf("%s: %q shows a word of a Knock line", tt.name, got)
		}
	}
}
