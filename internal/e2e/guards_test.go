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

// A guard is one kind of door in front of port 22 of the lab's server. All take
// the same sequence.
type guard struct {
	name   string
	only4  bool // it has no IPv6
	set    func(t testing.TB, l *lab.Lab)
	forget func(t testing.TB, l *lab.Lab) // shuts the door again
}

var guards = []guard{
	{
		name:   "nftables",
		set:    func(t testing.TB, l *lab.Lab) { l.Server.NftFile(t, "examples/nftables.conf") },
		forget: forget,
	}, {
		name: "silent",
		set:  func(t testing.TB, l *lab.Lab) { l.Server.NftFile(t, "testdata/doors/silent.nft") },
		forget: func(t testing.TB, l *lab.Lab) {
			flush(t, l.Server, "silent", "clients4", "clients6", "candidates4", "candidates6")
			unfollowed(t, l.Client.Own)
		},
	}, {
		name:  "recent",
		only4: true,
		set: func(t testing.TB, l *lab.Lab) {
			lab.Need(t, "iptables-restore")
			serverRun(t, l, "iptables-restore", "testdata/doors/recent.rules")
		},
		forget: func(t testing.TB, l *lab.Lab) {
			serverRun(t, l, "sh", "-c", "for f in /proc/self/net/xt_recent/step*; do echo / >$f; done")
			unfollowed(t, l.Client.Own)
		},
	},
	// knockd 0.8 reads no IPv6 on the devices that the links are made of.
	{"knockd", true, knockd, shutKnockd},
	{"mirrored knockd", true, mirroredKnockd, shutKnockd},
	{"hasty knockd", true, hastyKnockd, shutKnockd},
}

// knockd guards port 22 by examples/knockd.conf and the real knockd.
func knockd(t testing.TB, l *lab.Lab) {
	t.Helper()
	runKnockd(t, l, "examples/knockd.conf", func(conf string) string { return conf })
}

// mirroredKnockd has a second door that shuts what the first one opens, by the
// sequence in reverse, as the file has it that comes with knockd. One knock out
// of order can keep it from ever opening to plain repetition.
func mirroredKnockd(t testing.TB, l *lab.Lab) {
	t.Helper()
	runKnockd(t, l, "examples/knockd.conf", func(conf string) string {
		return conf + `
[close]
	sequence = 45678,34567,23456,12345
	seq_timeout = 5
	tcpflags = syn,!ack,!fin,!rst
	start_command   = /usr/sbin/nft 'delete element inet knockpipe_22 clients4 { %IP% }'
	start_command_6 = /usr/sbin/nft 'delete element inet knockpipe_22 clients6 { %IP% }'
`
	})
}

// hastyKnockd leaves a sequence one second, counted in whole ones: anything
// between none and two.
func hastyKnockd(t testing.TB, l *lab.Lab) {
	t.Helper()
	runKnockd(t, l, "examples/knockd.conf", func(conf string) string {
		return strings.Replace(conf, "seq_timeout = 5", "seq_timeout = 1", 1)
	})
}

func runKnockd(t testing.TB, l *lab.Lab, path string, edit func(string) string) {
	t.Helper()
	lab.Need(t, "knockd", "stdbuf")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder // what the file's own sed command prints
	for _, line := range regexp.MustCompile(`(?m)^#\|(.*\n)`).FindAllSubmatch(text, -1) {
		table.Write(line[1])
	}
	l.Server.Nft(t, table.String())
	conf := filepath.Join(t.TempDir(), "knockd.conf")
	if err := os.WriteFile(conf, []byte(edit(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	l.Server.Daemon(t, "listening on eth0", "stdbuf", "-oL", "knockd", "-v", "-c", conf)
}

// shutKnockd also forgets how much the client has sent. Its table bans who sends as much
// as a scan does, and so does a soak, which begins a session every 50 ms.
func shutKnockd(t testing.TB, l *lab.Lab) {
	t.Helper()
	flush(t, l.Server, "knockpipe_22", "clients4", "clients6", "rates4", "rates6", "scanners4", "scanners6")
	unfollowed(t, l.Client.Own)
}

// forget makes the ruleset of examples/nftables.conf forget who has knocked.
func forget(t testing.TB, l *lab.Lab) {
	t.Helper()
	flush(t, l.Server, "knockpipe_22", "clients4", "clients6", "candidates4", "candidates6")
	unfollowed(t, l.Client.Own)
}

// unfollowed removes from a folder of knockpipe's what tells of open doors, so that the next
// session knocks.
func unfollowed(t testing.TB, dir string) {
	t.Helper()
	records, err := filepath.Glob(filepath.Join(dir, "knockpipe", "opened-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range records {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// flush empties sets of a table.
func flush(t testing.TB, server *lab.Host, table string, sets ...string) {
	t.Helper()
	var ruleset strings.Builder
	for _, set := range sets {
		ruleset.WriteString("flush set inet " + table + " " + set + "\n")
	}
	server.Nft(t, ruleset.String())
}

func serverRun(t testing.TB, l *lab.Lab, name string, args ...string) {
	t.Helper()
	if out, err := l.Server.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}
