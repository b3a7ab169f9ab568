//go:build linux

package e2e

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestCheckOrder has a link mix up the knocks on their way to a door that counts
// their order: -check says how far apart they have to be. That eight of them come
// in order back to back happens once in 40,000 times.
func TestCheckOrder(t *testing.T) {
	t.Parallel()
	const long = "7001,9002,7003,9004,7005,9006,7007,9008"
	l := lab.New(t, lab.Link{Delay: 20 * time.Millisecond, Jitter: 15 * time.Millisecond})
	runKnockd(t, l, "examples/knockd.conf", func(conf string) string {
		return strings.Replace(conf, strings.ReplaceAll(sequence, " ", ","), long, 1)
	})
	l.Server.SSHD(t)
	out, err := knockpipe(t, l, "-check 198.51.100.2 22 "+long).CombinedOutput()
	want := regexp.MustCompile(`(?m)^warn  the door opened only with (\d+)ms between the knocks.*\n      if this happens every time, set KnockDelay (\d+)$`)
	found := want.FindSubmatch(out)
	if found == nil || string(found[1]) != string(found[2]) {
		t.Errorf("got %v, want %v:\n%s", err, want, out)
	}
}

// TestCheckLate has a door that misses the first tries, though in order: -check says what
// to do about it.
func TestCheckLate(t *testing.T) {
	t.Parallel()
	const late = `(?m)^warn  the door opened only at try `
	for _, tt := range []struct {
		name   string
		missed int
		more   string
		want   string // an expression; empty for no warning
	}{
		{"one try", 1, "", ""},
		{"two tries", 2, "", late + `3: knocks were lost, or came out of order\n      if this happens every time, set KnockDelay 20$`},
		{"three tries", 3, "", late + `4: `},
		{"two tries, with a delay", 2, "# KnockDelay: 30\n", late + `3: .*\n      if this happens every time, set KnockDelay 60$`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			l.Server.NftFile(t, "examples/nftables.conf")
			l.Server.Nft(t, fmt.Sprintf("insert rule inet knockpipe_22 prerouting tcp dport 12345 numgen inc mod 1000000 < %d drop", tt.missed))
			l.Server.SSHD(t)
			config := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(config, []byte("# Knock: "+sequence+"\n"+tt.more), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := knockpipe(t, l, "-check -f "+config+" 198.51.100.2 22").CombinedOutput()
			want := cmp.Or(tt.want, `(?m) opened \S+ after the start, at try 2$`)
			if !regexp.MustCompile(want).Match(out) || tt.want == "" && regexp.MustCompile(late).Match(out) {
				t.Errorf("got %v, want %v:\n%s", err, want, out)
			}
		})
	}
}
