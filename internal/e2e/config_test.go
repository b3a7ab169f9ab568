//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"knockpipe/internal/lab"
)

// sshConfig gives root on the lab's client a ~/.ssh with these files.
func sshConfig(t *testing.T, l *lab.Lab, files map[string]string) {
	t.Helper()
	home := t.TempDir()
	dir := filepath.Join(home, ".ssh")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := user.LookupId("0")
	if err != nil {
		t.Fatal(err)
	}
	l.Client.Bind(t, home, root.HomeDir)
}

// TestConfig types "ssh tango", with the knock in ~/.ssh/config or in the side
// file, and HostName and port different from the alias.
func TestConfig(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("examples/nftables.conf")
	if err != nil {
		t.Fatal(err)
	}
	rules := string(text)
	for _, tt := range []struct {
		name, config, side string
	}{
		{"comment", "\t# Knock: " + sequence + "\n", ""},
		{"side file", "", "Host tango\n\tKnock " + sequence + "\n"},
		{"keyword", "\tKnock " + sequence + "\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := lab.New(t)
			l.Server.Nft(t, strings.Replace(rules, "define guarded = 22 ", "define guarded = 2222 ", 1))
			sshd := l.Server.SSHD(t, "Port 2222")
			l.Client.WriteFile(t, "/etc/hosts", fmt.Sprintf("%v tango.example.org\n", l.Server.IP4))
			login, err := os.ReadFile(sshd.ClientConfig(t, ""))
			if err != nil {
				t.Fatal(err)
			}
			sshConfig(t, l, map[string]string{
				"config": "IgnoreUnknown Knock*\n" + string(login) + "Host tango\n\tHostName %h.example.org\n\tPort 2222\n" + tt.config +
					"Host *\n\tProxyCommand " + binary(t) + " %h %p\n",
				"knock_config": tt.side,
			})
			out, err := l.Client.Command("ssh", "tango", "echo hello").CombinedOutput()
			if err != nil || string(out) != "hello\n" {
				t.Fatalf("got %q, %v, want %q\nsshd's log:\n%s", out, err, "hello\n", sshd.Log())
			}
			sshd.Settle()
			if got := sshd.Connections(); got != 1 {
				t.Errorf("sshd saw %d connections, want 1", got)
			}
		})
	}
}

// TestConnectionSettings honours what ssh does not hand to a ProxyCommand.
func TestConnectionSettings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, settings string
		want           string // the banner, or a line of stderr
	}{
		{"family without an address", "AddressFamily inet6", "knockpipe: tango.example.org: it has no IPv6 address"},
		{"a source of the other family", "BindAddress 2001:db8::1", "knockpipe: tango.example.org: no address of the same family as the local address 2001:db8::1"},
		{"a source that is not here", "BindAddress 198.51.100.77", "cannot assign requested address"},
		{"no such interface", "BindInterface eth7", "knockpipe: interface eth7: "},
		{"family", "AddressFamily inet", "SSH-2.0-bench\r\n"},
		{"source", "BindAddress 198.51.100.1", "SSH-2.0-bench\r\n"},
		{"interface", "BindInterface eth0", "SSH-2.0-bench\r\n"},
		{"door of another name", "KnockHost gate.example.org", "SSH-2.0-bench\r\n"},
		{"door of the other family", "KnockHost 2001:db8::2", "KnockHost 2001:db8::2 has no address of this family"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			l.Server.NftFile(t, "examples/nftables.conf")
			l.Server.Banner(t, 22)
			l.Client.WriteFile(t, "/etc/hosts", fmt.Sprintf("%v tango.example.org gate.example.org\n", l.Server.IP4))
			config := filepath.Join(t.TempDir(), "config")
			keyword := tt.settings
			if strings.HasPrefix(keyword, "KnockHost") {
				keyword = "# " + strings.Replace(keyword, " ", ": ", 1)
			}
			if err := os.WriteFile(config, []byte(keyword+"\n# Knock: "+sequence+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := knockpipe(t, l, "-w 2 -f "+config+" tango.example.org 22").CombinedOutput()
			if got := string(out); !strings.Contains(got, tt.want) || (err == nil) != strings.HasPrefix(tt.want, "SSH") {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// TestConnectTimeout has a door that stays shut. knockpipe gives up before the real ssh
// does, so that people see why.
func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	l.Server.Nft(t, silent)
	sshConfig(t, l, map[string]string{"config": fmt.Sprintf(`Host tango
	HostName %v
	ConnectTimeout 1
	# Knock: %s
	ProxyCommand %s %%h %%p
`, l.Server.IP4, sequence, binary(t))})
	lab.Need(t, "ssh")
	out, err := l.Client.Command("ssh", "tango").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "4 knocks sent") || strings.Contains(string(out), "timed out") {
		t.Errorf("got %q, %v, want only what knockpipe has to say", out, err)
	}
}
