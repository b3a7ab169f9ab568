//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"knockpipe/internal/lab"
)

// TestHints has doors that stay shut and names without an address: the hint asks only
// about what can be wrong there.
func TestHints(t *testing.T) {
	t.Parallel()
	const (
		refused  = "hint: the host answers but its door stays shut: "
		ordered  = "is the sequence right and in order"
		dropped  = "or does a firewall on the way (perhaps your provider's) drop the knocks? The server's counters show which knocks arrive"
		only4    = "198.51.100.2 tango\n"
		only6    = "2001:db8::2 tango\n"
		other4   = "only IPv6 was tried, but the host also has an IPv4 address\n"
		other6   = "only IPv4 was tried, but the host also has an IPv6 address\n"
		noOther4 = "only IPv6 was tried, and no IPv4 address was found for the host\n"
	)
	for _, tt := range []struct {
		name, hosts, config, line string
		silent                    bool
		want, lacks               string
	}{
		{"refused", only4, "# Knock: 7001 7002", "tango 22", false, refused + ordered + ", is sshd running, " + dropped + "\n", "tried, and"},
		{"silent", only4, "# Knock: 7001 7002", "tango 22", true, "hint: " + ordered + ", " + dropped + "\n", "sshd"},
		{"one knock", only4, "# Knock: 7001", "tango 22", false, refused + "is the knock right, is sshd running, " + dropped + "\n", "order"},
		{"a program", only4, "Knock exec:true", "tango 22", true, "hint: is the knock right, " + dropped + "\n", "order"},
		{"-check, refused", only4, "# Knock: 7001 7002", "-check tango 22", false, ordered, "tried, and"},
		{"-check, no knock", only4, "", "-check tango 22", false, "write it below its Host line: # Knock: ...\n", "-f FILE"},
		{"-k, no knock", only4, "", "-k tango 22", false, "no knock is configured for tango\n", "-f FILE"},

		{"IPv6 asked for, IPv4 there", only4, "# Knock: 7001", "-6 tango 22", false, "hint: " + other4, "either"},
		{"IPv6 by config, IPv4 there", only4, "AddressFamily inet6\n# Knock: 7001", "tango 22", false, "hint: " + other4, "either"},
		{"IPv4 asked for, IPv6 there", only6, "# Knock: 7001", "-4 tango 22", false, "hint: " + other6, "either"},
		{"both, IPv6 asked for", only6 + only4, "# Knock: 7001", "-6 tango 22", true, "; " + other4, "either"},
		{"both, IPv4 asked for", only6 + only4, "# Knock: 7001", "-4 tango 22", true, "; " + other6, "either"},
		{"both tried", only6 + only4, "# Knock: 7001", "tango 22", true, dropped + "\n", "tried, and"},
		{"IPv6 and nothing else", only6, "# Knock: 7001", "tango 22", true, "; " + noOther4, "also has an IPv4"},
		{"an address", "", "# Knock: 7001", "-6 2001:db8::2 22", true, dropped + "\n", "tried, and"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			if tt.silent {
				l.Server.Nft(t, silent)
			}
			l.Client.WriteFile(t, "/etc/hosts", tt.hosts)
			l.Client.WriteFile(t, "/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
			config := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(config, []byte(tt.config+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := knockpipe(t, l, "-w 0.4 -f "+config+" "+tt.line).CombinedOutput()
			if got := string(out); !strings.Contains(got, tt.want) || strings.Contains(got, tt.lacks) || err == nil {
				t.Errorf("got %q, %v, want %q, and no %q", got, err, tt.want, tt.lacks)
			}
		})
	}
}

// TestOtherConfig checks the hint to -f when the usual files have no knock.
func TestOtherConfig(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	for _, mode := range []string{"", "-k", "-check"} {
		out, err := knockpipe(t, l, mode+" 198.51.100.2 22").CombinedOutput()
		if want := "if you use ssh -F FILE, pass -f FILE to knockpipe\n"; !strings.Contains(string(out), want) || err == nil {
			t.Errorf("%q: got %q, %v, want %q", mode, out, err, want)
		}
	}
}
