//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// A namedLink is a link as tables call it.
type namedLink struct {
	name string
	lab.Link
}

// links are the networks that every guard has to open on.
var links = []namedLink{
	{"clean", lab.Link{}},
	{"50 ms", lab.Link{Delay: 25 * time.Millisecond}},
	{"5 ms jitter", lab.Link{Delay: 25 * time.Millisecond, Jitter: 5 * time.Millisecond}},
	{"20 ms jitter", lab.Link{Delay: 25 * time.Millisecond, Jitter: 20 * time.Millisecond}},
	{"2 % loss", lab.Link{Delay: 25 * time.Millisecond, Loss: 0.02}},
	{"5 % loss", lab.Link{Delay: 25 * time.Millisecond, Loss: 0.05}},
	{"2 % twice", lab.Link{Delay: 25 * time.Millisecond, Jitter: time.Millisecond, Dup: 0.02}},
	{"5 ms jitter, 2 % loss", lab.Link{Delay: 25 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.02}},
	{"20 ms jitter, 2 % loss", lab.Link{Delay: 25 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.02}},
	{"far", lab.Link{Delay: 100 * time.Millisecond, Jitter: 40 * time.Millisecond, Loss: 0.05}},
}

// TestMatrix opens every guard over every link, with what was remembered of the
// door and without, IPv4 and IPv6 in turn. SOAK=100 opens each pair 100 times, as
// `make soak` does.
//
// That nobody is ever left outside is more than chance allows: each packet can be
// lost every time. Eight seconds hold some twenty tries, so that at 5 % loss a
// failure in a run of the whole soak is far less likely than one in a million.
func TestMatrix(t *testing.T) {
	t.Parallel()
	tries := 1
	if n, err := strconv.Atoi(os.Getenv("SOAK")); err == nil {
		tries = n
	}
	for _, guard := range guards {
		for _, link := range links {
			t.Run(guard.name+"/"+link.name, func(t *testing.T) {
				t.Parallel()
				l := lab.New(t, link.Link)
				guard.set(t, l)
				l.Server.Banner(t, 22)
				wire := l.Client.Sniff(t)
				var took []time.Duration
				for i := range tries {
					guard.forget(t, l)
					addr := l.Server.IP4
					if i%2 == 1 && !guard.only4 {
						addr = l.Server.IP6
					}
					cmd := knockpipe(t, l, fmt.Sprint("-v ", addr, " 22 ", sequence))
					if i%4 < 2 { // as for the first time
						cmd.Env = append(cmd.Env, "XDG_STATE_HOME="+t.TempDir())
					}
					var stderr bytes.Buffer
					cmd.Stderr = &stderr
					start := time.Now()
					out, err := cmd.Output()
					took = append(took, time.Since(start))
					if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
						t.Errorf("try %d: got %q, %v, want %q\n%s", i, out, err, want, &stderr)
					}
				}
				checkHandshakes(t, l, wire, tries)
				slices.Sort(took)
				t.Logf("median %v, longest %v", took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
			})
		}
	}
}
