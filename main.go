// Knockpipe knocks on a host's closed door and is then the pipe between ssh and
// the one connection that the door lets in: an OpenSSH ProxyCommand.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"knockpipe/knock/once"
)

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
		err = answer(q, report)
	}
	return report.fail(err)
}

// answer asks the config what the command line leaves open, and does what was
// asked.
func answer(q *question, report *reporter) error {
	if q.once > 0 {
		if err := once.Write(q.list, q.once); err != nil {
			return &failure{code: exitUsage, err: err}
		}
		return nil
	}
	if q.checkup {
		return q.runCheck(report)
	}
	start := time.Now()
	p, err := newPlan(q)
	if err != nil {
		return err
	}
	if q.explain {
		return p.explain(os.Stdout, report)
	}
	if q.rules != "" {
		return p.printRules(report)
	}
	if err := p.checkPass(); err != nil {
		return err
	}
	p.tell(report)
	ctx := context.Background()
	if p.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, start.Add(p.limit))
		defer cancel()
	}
	target, err := p.resolve(ctx, report)
	if err != nil {
		return err
	}
	if q.knockOnly {
		return target.knockOnly(ctx)
	}
	conn, err := target.open(ctx)
	if err != nil {
		return openFailure(p, err)
	}
	report.logf("open after %v", time.Since(start).Round(100*time.Microsecond))
	return target.session(conn)
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
