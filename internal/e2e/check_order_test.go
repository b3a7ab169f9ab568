//go:build linux

package e2e

import (
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
