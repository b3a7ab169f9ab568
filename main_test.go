package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"knockpipe/internal/lab"
)

// tests are the lab's, and they remove what binary has built for them.
type tests struct{ lab.M }

func (m tests) Run() int {
	defer func() { os.RemoveAll(buildDir) }()
	return m.M.Run()
}

var buildDir string // empty as long as nothing was built

func TestMain(m *testing.M) {
	testscript.Main(tests{lab.M{M: m}}, map[string]func(){"knockpipe": main})
}

// TestScript runs the command lines of testdata/script.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error { // nothing of the user's is touched
			env.Setenv("XDG_RUNTIME_DIR", env.WorkDir)
			env.Setenv("XDG_STATE_HOME", env.WorkDir)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"server": cmdServer,
		},
	})
}

// cmdServer starts a server on a free loopback port and puts the port into
// $PORT, for scripts.
//
//	server greet   says hello, and bye when the client has ended its side
//	server chatter says something again and again
//	server mute    says nothing
//	server close   closes at once
//	server none    listens no more: a port that refuses
func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: server greet|chatter|mute|close|none")
	}
	serve, ok := servers[args[0]]
	if !ok {
		ts.Fatalf("no server %q", args[0])
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("PORT", fmt.Sprint(listener.Addr().(*net.TCPAddr).Port))
	if serve == nil {
		ts.Check(listener.Close())
		return
	}
	ts.Defer(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
}

var servers = map[string]func(net.Conn){
	"none":  nil,
	"close": func(net.Conn) {},
	"mute":  func(conn net.Conn) { io.Copy(io.Discard, conn) },
	"greet": func(conn net.Conn) {
		io.WriteString(conn, "hello\n")
		said, _ := io.ReadAll(conn)
		fmt.Fprintf(conn, "bye, %s", said)
	},
	"chatter": func(conn net.Conn) {
		for {
			if _, err := io.WriteString(conn, "still here\n"); err != nil {
				return
			}
			time.Sleep(time.Millisecond) // a talker, not a synchronisation
		}
	},
}

func TestParseArgs(t *testing.T) {
	tests := []struct {
		args string
		want string // the error, or the fields that are set
	}{
		// bad
		{"", "error: no host given"},
		{"tango", "error: no port given"},
		{"tango ssh", `error: bad port "ssh": not a number between 1 and 65535`},
		{"tango 0", `error: bad port "0": not a number between 1 and 65535`},
		{"tango 70000", `error: bad port "70000": not a number between 1 and 65535`},
		{"tango -1", `error: bad port "-1": not a number between 1 and 65535`},
		{"tango 22 99999", "error: knock 1 of 1: port not between 1 and 65535"},
		{"tango 22 sctp:1", `error: knock 1 of 1: unknown protocol "sctp": tcp, udp, icmp, pause, fwknop, once or exec`},
		{"-- -oProxyCommand=x 22", `error: bad host name "-oProxyCommand=x"`},
		{"-oProxyCommand=x 22", "error: flag provided but not defined: -oProxyCommand"},
		{"-4 -6 tango 22", "error: -4 and -6 exclude each other"},
		{"-w never tango 22", `error: invalid value "never" for flag -w: not a time above zero such as 5, 2.5s or 1m`},
		{"tango 22 1 -v", "error: flags go before the host"},
		{"-w 0 tango 22", `error: invalid value "0" for flag -w: not a time above zero such as 5, 2.5s or 1m`},
		{"-timeout -1 tango 22", `error: invalid value "-1" for flag -timeout: not a time above zero such as 5, 2.5s or 1m`},
		{"-w NaN tango 22", `error: invalid value "NaN" for flag -w: not a time above zero such as 5, 2.5s or 1m`},
		{"-w", "error: flag needs an argument: -w"},
		{"-s tango 22", `error: invalid value "tango" for flag -s: not an address`},
		{"-s 127.0.0.1 -6 tango 22", "error: source address 127.0.0.1 is not an IPv6 address"},
		{"-n -oProxyCommand=x tango 22", `error: bad alias "-oProxyCommand=x"`},
		{"-k -G tango 22 1", "error: -k and -G exclude each other"},

		// good
		{"tango 22", "tango 22 [] IP"},
		{"-- tango 022 1 2/udp", "tango 22 [1 udp:2] IP"},
		{"-4 tango 22 1", "tango 22 [1] IPv4"},
		{"-6 -w 5 ::1 22 1", "::1 22 [1] IPv6 timeout 5s"},
		{"-w 2.5 tango 22", "tango 22 [] IP timeout 2.5s"},
		{"-timeout 1m tango 22", "tango 22 [] IP timeout 1m0s"},
		{"-source ::1 tango 22", "tango 22 [] IPv6 source ::1"},
		{"-n alias -l me -E file -f conf -v -vv -k tango 22 1", "tango 22 [1] IP alias alias login me config conf log file verbose 3 knock only"},
		{"-alias alias -login me -log file -config conf -knock-only tango 22 1", "tango 22 [1] IP alias alias login me config conf log file knock only"},
		{"fe80::1%eth0 22", "fe80::1%eth0 22 [] IP"},
		{"-G tango", "tango 0 [] IP explain"},
		{"-G tango 22 1", "tango 22 [1] IP explain"},
	}
	for _, tt := range tests {
		if got := describe(parseArgs(strings.Fields(tt.args))); got != tt.want {
			t.Errorf("knockpipe %s: got %v, want %v", tt.args, got, tt.want)
		}
	}
	for _, host := range []string{"", "two words", "bell\a", "line\nend"} {
		if q, err := parseArgs([]string{host, "22"}); err == nil {
			t.Errorf("host %q: got %v, want an error", host, q)
		}
	}
}

// describe shows a question in one line.
func describe(q *question, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %v %v", q.host, q.port, []any{q.knocks}, q.family)
	for _, f := range []struct {
		name string
		set  bool
		val  any
	}{
		{"timeout", q.timeout > 0, q.timeout}, {"source", q.source.IsValid(), q.source},
		{"alias", q.alias != "", q.alias}, {"login", q.login != "", q.login}, {"config", q.config != "", q.config},
		{"log", q.logFile != "", q.logFile}, {"verbose", q.verbose > 0, q.verbose},
	} {
		if f.set {
			fmt.Fprintf(&b, " %s %v", f.name, f.val)
		}
	}
	if q.knockOnly {
		b.WriteString(" knock only")
	}
	if q.explain {
		b.WriteString(" explain")
	}
	return b.String()
}

func TestReporterKeepsLinesWhole(t *testing.T) {
	path := t.TempDir() + "/log"
	r := &reporter{stderr: io.Discard}
	if err := r.open(path); err != nil {
		t.Fatal(err)
	}
	r.logf("two\nlines")
	r.fail(fmt.Errorf("bell \a and escape \x1b[2J"))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), "\n"); n != 2 {
		t.Errorf("2 events made %d lines: %q", n, data)
	}
	if strings.ContainsAny(string(data), "\a\x1b") {
		t.Errorf("control characters got through: %q", data)
	}
}
