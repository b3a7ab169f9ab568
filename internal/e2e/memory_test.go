//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
	"knockpipe/internal/state"
)

// TestMemory begins at the pace that is remembered of a door, and changes what is
// remembered: not the pace of KnockDelay, not with KnockMemory no, and never by
// what the sequence is.
func TestMemory(t *testing.T) {
	strict := state.Record{Strict: 3, Gap: 15 * time.Millisecond, Took: 50 * time.Millisecond, Clean: true}
	faster := state.Record{Strict: 1, Gap: 11250 * time.Microsecond, Clean: true} // and Took, which is measured
	for _, tt := range []struct {
		name, config, doors string
		known               state.Record
		gap                 string // of the first try
		after               state.Record
	}{
		{"no file", "", "", state.Record{}, "0s", state.Record{}},
		{"no memory of it", "", "nonsense\n", state.Record{}, "0s", state.Record{}},
		{"a strict door", "", "", strict, "15ms", faster},
		{"KnockMemory no", "KnockMemory no\n", "", strict, "0s", strict},
		{"KnockDelay", "KnockDelay 30\n", "", strict, "30ms", strict},
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
			os.Mkdir(dir, 0o700)
			if tt.doors != "" {
				if err := os.WriteFile(doors, []byte(tt.doors), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			memory, door := state.Memory{Dir: dir}, state.Door{Addr: l.Server.IP4, Port: 22}
			if tt.known != (state.Record{}) {
				if err := memory.Keep(door, tt.known); err != nil {
					t.Fatal(err)
				}
			}
			cmd := knockpipe(t, l, "-v -f "+config+" 198.51.100.2 22")
			cmd.Env = append(cmd.Env, "XDG_STATE_HOME="+home, "XDG_RUNTIME_DIR="+home)
			out, err := cmd.CombinedOutput()
			if want := "try 1 at 198.51.100.2, gap " + tt.gap + "\n"; err != nil || !strings.Contains(string(out), want) {
				t.Errorf("got %v, %s, want %q", err, out, want)
			}
			got := memory.Recall(door)
			if tt.after == faster {
				got.Took, got.Strict = 0, min(got.Strict, 1) // stricter where the machine was slow
			}
			if got != tt.after {
				t.Errorf("then %v is remembered, want %v", got, tt.after)
			}
			if text, _ := os.ReadFile(doors); tt.doors != "" && string(text) != tt.doors {
				t.Errorf("got %q, want no memory in place of what is none, as there is nothing to keep", text)
			}
			files, _ := filepath.Glob(dir + "/*")
			for _, file := range append(files, dir) {
				info, err := os.Stat(file)
				if err != nil || info.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s: got %v, %v, want nothing for others", file, info, err)
				}
				if info == nil || !info.Mode().IsRegular() {
					continue
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

// TestNoFolders has no directory for turns and memory. This is not an error and not
// slower.
func TestNoFolders(t *testing.T) {
	t.Parallel()
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
