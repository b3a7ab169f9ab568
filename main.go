// Knockpipe knocks on a host's closed door and is then the pipe between ssh and
// the one connection that the door lets in: an OpenSSH ProxyCommand.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"knockpipe/knock"
	"knockpipe/proxy"
)

// defaultTimeout is how long a door may take to open. It ends before the 10 s
// that Ansible allows a connection and that nobody tells a ProxyCommand of.
const defaultTimeout = 8 * time.Second

// knockOnlyGap is the pause between two knocks where nothing tells whether they
// arrived in order.
const knockOnlyGap = 20 * time.Millisecond

// version is set by release builds.
var version string

func main() {
	os.Exit(run(os.Args[1:]))
}

// run answers one command line and returns the exit code.
func run(args []string) int {
	report := &reporter{stderr: os.Stderr}
	q, err := parseArgs(args)
	if err != nil {
		return report.fail(err)
	}
	report.verbose = q.verbose
	if q.logFile != "" {
		if err := report.open(q.logFile); err != nil {
			return report.fail(err)
		}
	}
	switch {
	case q.help:
		io.WriteString(os.Stdout, usage) // asked for
	case q.version:
		fmt.Println("knockpipe", versionString())
	default:
		err = session(q, report)
	}
	return report.fail(err)
}

// session resolves the host once, opens its port and carries the bytes; with -k
// it only knocks.
func session(q *question, report *reporter) error {
	start := time.Now()
	ctx := context.Background()
	if limit := q.timeLimit(); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, start.Add(limit))
		defer cancel()
	}
	addrs, err := proxy.Resolve(ctx, q.host, q.family)
	if err != nil {
		return &failure{code: exitNetwork, err: fmt.Errorf("%s: %w", q.host, err)}
	}
	report.logf("%s is %v", q.host, addrs)
	if q.knockOnly {
		return knockOnly(ctx, q, report, addrs)
	}

	opener := proxy.Opener{Source: q.source, Logf: report.logf}
	if len(q.knocks) > 0 {
		opener.Knock = func(ctx context.Context, to netip.Addr, gap time.Duration) error {
			return q.sender(report, to, gap).Send(ctx, q.knocks)
		}
	}
	conn, err := opener.Open(ctx, addrs, q.port)
	if err != nil {
		return openFailure(q, err)
	}
	report.logf("open after %v", time.Since(start).Round(100*time.Microsecond))
	return splice(conn, q, report)
}

// sender sends this question's knocks.
func (q *question) sender(report *reporter, to netip.Addr, gap time.Duration) *knock.Sender {
	return &knock.Sender{To: to, Source: q.source, Gap: gap, Logf: report.logf2}
}

// splice is the session itself. A stdout that nobody reads is an error to
// report, not a signal to die of.
func splice(conn net.Conn, q *question, report *reporter) error {
	signal.Ignore(syscall.SIGPIPE)
	err := proxy.Splice(conn, os.Stdin, os.Stdout)
	switch {
	case err == nil:
		report.logf("session ended by %s", q.host)
		return nil
	case errors.Is(err, syscall.EPIPE):
		return &failure{code: exitNetwork, err: errors.New("stdout: its reader is gone")}
	default:
		return &failure{code: exitNetwork, err: fmt.Errorf("%s port %d: %w", q.host, q.port, err)}
	}
}

// knockOnly knocks once at every address that can be reached, as nothing tells
// which of them is going to be connected to.
func knockOnly(ctx context.Context, q *question, report *reporter, addrs []netip.Addr) error {
	var failed error
	sent := false
	for _, addr := range addrs {
		if err := q.sender(report, addr, knockOnlyGap).Send(ctx, q.knocks); err != nil {
			failed = fmt.Errorf("%v: %w", addr, err)
			report.logf("%v", failed)
			continue
		}
		sent = true
	}
	if sent {
		return nil
	}
	return &failure{code: exitNetwork, err: failed}
}

// versionString is the release's version, or the module's, or "devel".
func versionString() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
