//go:build linux

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// completers ask the real shells what they offer for the last word of a line.
var completers = map[string]func(line string) []string{
	"bash": func(line string) []string {
		words := strings.Fields(line)
		if strings.HasSuffix(line, " ") {
			words = append(words, "")
		}
		return append([]string{"--norc", "testdata/completion/bash"}, words...)
	},
	"zsh": func(line string) []string { return []string{"-f", "testdata/completion/zsh", line} },
	"fish": func(line string) []string {
		return []string{"--no-config", "-c", "source completions/knockpipe.fish; complete -C '" + line + "'"}
	},
}

// home is what completions find of the user's.
var home = map[string]string{
	".ssh/config": `Include conf.d/*.conf
Host tango tandem # charlie
	HostName tango.example.org
  host="quoted" !mike *.example.org
Match host oscar
Host = equals
Host $(touch${IFS}papa) papa;id 2001:db8::1
Host quebec	romeo`, // a tab, and no newline
	".ssh/conf.d/a.conf": "Host included\n  Include ~/.ssh/nested\n",
	".ssh/conf.d/a.bak":  "Host backup\n",
	".ssh/nested":        "Host nested\nInclude nested\n",
	".ssh/knock_config":  "Host side\n\tKnock 12345\n",
	".ssh/known_hosts": `# comment
kilo.example.org,192.0.2.7 ssh-ed25519 AAAA
[lima.example.org]:2222,[2001:db8::5]:2222 ssh-ed25519 AAAA
|1|abc=|def= ssh-ed25519 AAAA
@cert-authority *.example.net ssh-ed25519 AAAA
2001:db8::9 ssh-ed25519 AAAA
`,
}

// TestCompletion asks bash, zsh and fish for completions.
func TestCompletion(t *testing.T) {
	t.Parallel()
	hosts := "192.0.2.7 equals included kilo.example.org lima.example.org nested quebec quoted romeo side tandem tango"
	tests := []struct{ line, want string }{
		// nothing
		{"knockpipe -zz", ""},
		{"knockpipe oscar", ""},
		{"knockpipe tango ", ""},
		{"knockpipe tango -", ""},
		{"knockpipe -w ", ""},
		{"knockpipe -s 2", ""},
		{"knockpipe -- -", ""},

		// something
		{"knockpipe ", hosts},
		{"knockpipe ta", "tandem tango"},
		{"knockpipe -- ta", "tandem tango"},
		{"knockpipe -v -4 -w 5 -s 2001:db8::1 ta", "tandem tango"},
		{"knockpipe -check ta", "tandem tango"},
		{"knockpipe -n ta", "tandem tango"},
		{"knockpipe -alias side -G ta", "tandem tango"},
		{"knockpipe -lan 192.0.2.0/24 -rules knockd ta", "tandem tango"},
		{"knockpipe -ch", "-check"},
		{"knockpipe -n side -lo", "-log -login"},
		{"knockpipe -rules ", "fwknopd iptables knockd mikrotik nftables"},
		{"knockpipe -rules ip", "iptables"},
		{"knockpipe -l roo", "root"},
		{"knockpipe -f LIC", "LICENSE"},
		{"knockpipe -config LIC", "LICENSE"},
		{"knockpipe -E LIC", "LICENSE"},
		{"knockpipe -log LIC", "LICENSE"},
		{"knockpipe -once 100 LIC", "LICENSE"},
		{"knockpipe -keygen LIC", "LICENSE"},
		{"knockpipe -keygen LICENSE LIC", ""},
		{"knockpipe -tokens -for 1d LIC", "LICENSE"},
		{"knockpipe -tokens LICENSE LIC", "LICENSE"},
		{"knockpipe -once 100 LICENSE ", ""},
	}
	dir := t.TempDir()
	for name, text := range home {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for shell := range completers {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			lab.Need(t, shell)
			for _, tt := range tests {
				if got := strings.Join(complete(t, shell, dir, tt.line), " "); got != tt.want {
					t.Errorf("%s<Tab>: got %q, want %q", tt.line, got, tt.want)
				}
			}
		})
	}
	// The user's own folder may be empty, and nothing is said about it.
	for shell := range completers {
		t.Run(shell+" without files", func(t *testing.T) {
			t.Parallel()
			lab.Need(t, shell)
			if got := complete(t, shell, t.TempDir(), "knockpipe "); len(got) > 0 {
				t.Errorf("got %q, want nothing", got)
			}
		})
	}
}

// complete returns, in order, what a shell offers.
func complete(t *testing.T, shell, home, line string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, completers[shell](line)...)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home, "TERM=dumb", "LC_ALL=C.UTF-8")
	cmd.WaitDelay = time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%s: %s<Tab>: %v: %s", shell, line, err, &stderr)
	}
	var offers []string
	for row := range strings.Lines(string(out)) {
		offer, _, _ := strings.Cut(strings.TrimSpace(row), "\t") // fish tells what it is
		if offer != "" {
			offers = append(offers, offer)
		}
	}
	slices.Sort(offers)
	return offers
}

// TestInstall installs into an empty folder: what is there, and where the shells look
// for it.
func TestInstall(t *testing.T) {
	t.Parallel()
	lab.Need(t, "make")
	root := t.TempDir()
	out, err := exec.Command("make", "install", "PROGRAM="+binary(t), "DESTDIR="+root, "PREFIX=/usr").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var got []string
	filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			info, err := e.Info()
			if err != nil {
				return err
			}
			got = append(got, strings.TrimPrefix(path, root)+" "+info.Mode().String())
		}
		return err
	})
	want := []string{
		"/usr/bin/knockpipe -rwxr-xr-x",
		"/usr/share/bash-completion/completions/knockpipe -rw-r--r--",
		"/usr/share/fish/vendor_completions.d/knockpipe.fish -rw-r--r--",
		"/usr/share/man/man1/knockpipe.1 -rw-r--r--",
		"/usr/share/man/man5/knock_config.5 -rw-r--r--",
		"/usr/share/man/man7/knockpipe-server.7 -rw-r--r--",
		"/usr/share/zsh/site-functions/_knockpipe -rw-r--r--",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
