//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"knockpipe/internal/lab"
)

// TestMemory begins at the pace that is remembered of a door, and changes what is
// remembered: not the pace of KnockDelay, not with KnockMemory no, and never by
// what the sequence is.
func TestMemory(t *testing.T) {
	const strict = "[198.51.100.2]:22 3 15000 50000 true\n"
	for _, tt := range []struct {
		name, config, doors string
		gap                 string // of the first try
		after               string // what is remembered then
	}{
		{"no file", "", "", "0s", `^$`},
		{"no memory of it", "", "nonsense\n", "0s", `^nonsense\n$`},
		{"a strict door", "", strict, "15ms", `^\[198\.51\.100\.2\]:22 2 11250 \d+ true\n$`},
		{"hashed", "HashKnownHosts yes\n", strict, "15ms", `^\|[0-9a-f]{32}\|[0-9a-f]{64} 2 11250 \d+ true\n$`},
		{"KnockMemory no", "KnockMemory no\n", strict, "0s", "^" + regexp.QuoteMeta(strict) + "$"},
		{"KnockDelay", "KnockDelay 30\n", strict, "30ms", "^" + regexp.QuoteMeta(strict) + "$"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			l.Server.NftFile(t, "examples/nftables.conf")
			l.Server.Banner(t, 22)
			home := t.TempDir()
			dir := filepath.Join(home, "knockpipe")
			config, doors := home+"/config", dir+"/doors"
			if err := os.WriteFile(config, []byte(tt.config+"# Knock: "+sequence+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if tt.doors != "" {
				os.Mkdir(dir, 0o700)
				if err := os.WriteFile(doors, []byte(tt.doors), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := knockpipe(t, l, "-v -f "+config+" 198.51.100.2 22")
			cmd.Env = append(cmd.Env, "XDG_STATE_HOME="+home, "XDG_RUNTIME_DIR="+home)
			out, err := cmd.CombinedOutput()
			if want := "try 1 at 198.51.100.2, gap " + tt.gap + "\n"; err != nil || !strings.Contains(string(out), want) {
				t.Errorf("got %v, %s, want %q", err, out, want)
			}
			got, _ := os.ReadFile(doors)
			if !regexp.MustCompile(tt.after).Match(got) {
				t.Errorf("then %q is remembered, want %s", got, tt.after)
			}
			files, _ := filepath.Glob(dir + "/*")
			for _, file := range append(files, dir) {
				info, err := os.Stat(file)
				if err != nil || info.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s: got %v, %v, want nothing for others", file, info, err)
				}
				text, _ := os.ReadFile(file)
				for _, port := range strings.Fields(sequence) {
					if strings.Contains(string(text), port) {
						t.Errorf("%s has a port of the sequence: %s", file, text)
					}
				}
			}
		})
	}
}

// TestNoFolders has nowhere to take turns and to remember: it is no error, and as
// fast.
func TestNoFolders(t *testing.T) {
	l := lab.New(t)
	l.Server.NftFile(t, "examples/nftables.conf")
	l.Server.Banner(t, 22)
	cmd := knockpipe(t, l, "-f none 198.51.100.2 22 "+sequence)
	cmd.Env = append(cmd.Env, "XDG_STATE_HOME=/proc/none", "XDG_RUNTIME_DIR=/dev/null")
	out, err := cmd.CombinedOutput()
	if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
		t.Errorf("got %q, %v, want %q", out, err, want)
	}
}
