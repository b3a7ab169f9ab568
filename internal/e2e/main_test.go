package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"knockpipe/internal/cli"
	"knockpipe/internal/lab"
)

// tests are the lab's. They run at the top of the module, whose examples they load,
// and remove what binary has built for them. BENCH_SVG=FILE has what the benchmarks
// among them find drawn into a file.
type tests struct{ lab.M }

func (m tests) Run() int {
	for {
		if _, err := os.Stat("go.mod"); err == nil {
			break
		}
		if err := os.Chdir(".."); err != nil {
			panic(err)
		}
	}
	defer func() { os.RemoveAll(buildDir) }()
	path := os.Getenv("BENCH_SVG")
	if path != "" {
		drawn.about = aboutHere()
	}
	code := m.M.Run()
	if path != "" && code == 0 {
		if err := drawn.save(path); err != nil {
			panic(err)
		}
	}
	return code
}

// program is what main is, for scripts.
func program() {
	os.Exit(cli.Run(cli.Process{Args: os.Args[1:], Env: os.Environ, Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}))
}

var buildDir string // empty as long as nothing was built

func TestMain(m *testing.M) {
	testscript.Main(tests{lab.M{M: m}}, map[string]func(){"knockpipe": program})
}

// TestScript runs the command lines of testdata/script.
func TestScript(t *testing.T) {
	t.Parallel()
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
