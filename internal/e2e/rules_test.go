//go:build linux

package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
	"knockpipe/knock"
)

var seed = flag.Uint64("seed", 0, "replay the random doors of this seed; 0 takes a new one")

// A rulesFormat is one format of -rules, and how it is put to use on the lab's
// server as its own comments say.
type rulesFormat struct {
	name   string // of the row
	format string
	need   []string // programs
	only4  bool     // it has no IPv6
	doors  int      // how many random ones to try

	step func(r *rand.Rand, port func() int) string // one random step, as a word of a Knock line

	// beside is what a server has without any door, and state shows all of it: it
	// is the same before a door is there and after.
	beside func(t testing.TB, l *lab.Lab)
	state  string // for sh

	// load puts what -rules has printed to use, and returns how to take it away
	// again.
	load func(t testing.TB, l *lab.Lab, text string) (remove func())

	firewall bool // it does everything by itself, and knows every kind of packet
	closes   bool // it knows KnockClose
	lan      bool // it knows -lan
}

var rulesFormats = []*rulesFormat{nftablesFormat, iptablesFormat, legacyFormat}

// TestRules is the round trip: a Knock line of random steps, the server's side of
// it as -rules prints it, loaded beside other rules, and the door opened by the same
// line. The seed repeats a run.
func TestRules(t *testing.T) {
	t.Parallel()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("seed %d", *seed)
	for _, f := range rulesFormats {
		inTurn(t, f, f.doors, func(t *testing.T, b *rulesBench, i int) {
			r := rand.New(rand.NewPCG(*seed, uint64(i)))
			d := randomDoor(r, f)
			b.roundTrip(t, fmt.Sprintf("door %d of seed %d", i, *seed), d, d.wrong(r))
		})
	}
}

// inTurn tries doors of a format, on a few benches at a time: most of it is to wait.
func inTurn(t *testing.T, f *rulesFormat, doors int, try func(t *testing.T, b *rulesBench, i int)) {
	const benches = 3
	for bench := range benches {
		t.Run(fmt.Sprint(f.name, "/", bench), func(t *testing.T) {
			t.Parallel()
			b := newRulesBench(t, f)
			for i := bench; i < doors; i += benches {
				try(t, b, i)
			}
		})
	}
}

// A rulesBench is a lab whose server is given one door after the other.
type rulesBench struct {
	*lab.Lab
	*rulesFormat
	dir    string
	before string // the server's state
	trips  int
}

func newRulesBench(t *testing.T, f *rulesFormat, link ...lab.Link) *rulesBench {
	lab.Need(t, f.need...)
	b := &rulesBench{Lab: lab.New(t, link...), rulesFormat: f, dir: t.TempDir()}
	for _, port := range []int{22, 2222, 8080} {
		b.Server.Banner(t, port)
	}
	f.beside(t, b.Lab)
	b.before = b.stateNow(t)
	return b
}

func (b *rulesBench) stateNow(t testing.TB) string {
	t.Helper()
	out, err := b.Server.Command("sh", "-c", b.state).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", b.state, err, out)
	}
	return string(out)
}

// config writes lines into a config file and returns its path.
func (b *rulesBench) config(t testing.TB, lines ...string) string {
	t.Helper()
	path := filepath.Join(b.dir, "config")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// printed is what -rules prints for a config.
func (b *rulesBench) printed(t testing.TB, config string, args ...string) string {
	t.Helper()
	return printedRules(t, b.Lab, b.format, config, args...)
}

// printedRules is what -rules prints in a format.
func printedRules(t testing.TB, l *lab.Lab, format, config string, args ...string) string {
	t.Helper()
	cmd := l.Client.Command(binary(t), append([]string{"-f", config, "-rules", format}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("-rules %s: %v: %s", format, err, &stderr)
	}
	return string(out)
}

// reach is the error with which a connection from the client to a port fails.
func (b *rulesBench) reach(host, port string) error {
	var err error
	for _, one := range strings.Split(port, ",") {
		conn, e := b.Client.Dial("tcp", "["+host+"]:"+one, 300*time.Millisecond)
		if e == nil {
			conn.Close()
		} else {
			err = e
		}
	}
	return err
}

// roundTrip guards ports by a door, knocks wrongly, then rightly, and takes the door
// away again.
func (b *rulesBench) roundTrip(t testing.TB, name string, d *randomKnock, wrong knock.Sequence) {
	t.Helper()
	host := "198.51.100.2"
	if b.trips++; b.trips%2 == 0 && !b.only4 {
		host = "2001:db8::2"
	}
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s, %s, %s: %s", name, host, d, fmt.Sprintf(format, args...))
	}
	config := b.config(t, append(d.settings, "# Knock: "+d.words)...)
	text := b.printed(t, config, host, d.ports)
	remove := b.load(t, b.Lab, text)
	if again := b.printed(t, config, host, d.ports); again != text {
		fail("printed again, the rules are others")
	}
	if b.reach(host, "22") == nil {
		fail("open to who has not knocked")
	}
	if len(wrong) > 0 {
		config := b.config(t, "Knock "+wrong.String())
		if out, err := knockpipe(t, b.Lab, "-k -f "+config+" "+host+" 22").CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", wrong, err, out)
		}
		if b.reach(host, "22") == nil {
			fail("open after %s", wrong)
		}
		remove()
		remove = b.load(t, b.Lab, text) // nothing is left of the wrong knocks
	}
	if err := b.reach(host, "8080"); err != nil {
		fail("another port is shut: %v", err)
	}
	config = b.config(t, append(d.settings, "# Knock: "+d.words)...)
	out, err := knockpipe(t, b.Lab, "-f "+config+" "+host+" 22").CombinedOutput()
	if want := "SSH-2.0-bench\r\n"; err != nil || string(out) != want {
		fail("got %q, %v, want %q", out, err, want)
	}
	if err := b.reach(host, d.ports); err != nil {
		fail("shut to who has knocked: %v", err)
	}
	remove()
	if got := b.stateNow(t); got != b.before {
		t.Fatalf("%s: with the door removed, the server has\n%s\nwant\n%s", name, got, b.before)
	}
	if err := b.reach(host, "22,2222"); err != nil {
		fail("shut with the door removed: %v", err)
	}
	if t.Failed() {
		t.Logf("the rules:\n%s", text)
		t.FailNow()
	}
}

// told returns the command that stands in the comments of a configuration below a
// line that begins with a word.
func told(t testing.TB, text, word string) string {
	t.Helper()
	command := regexp.MustCompile(`(?m)^# ` + word + `[^\n]*:\n#   (.*)$`).FindStringSubmatch(text)
	if command == nil {
		t.Fatalf("no command to %q in the comments of\n%s", word, text)
	}
	return command[1]
}

// asTold loads a configuration in a file of this name, and removes it, by the
// commands in its comments. It loads it twice, as that may be done at any time.
func asTold(file string) func(t testing.TB, l *lab.Lab, text string) (remove func()) {
	return func(t testing.TB, l *lab.Lab, text string) (remove func()) {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		run := func(word string) {
			t.Helper()
			cmd := l.Server.Command("sh", "-c", told(t, text, word))
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Fatalf("%s: %v: %s\n%s", word, err, out, text)
			}
		}
		run("Load")
		run("Load")
		return func() { t.Helper(); run("Remove") }
	}
}
