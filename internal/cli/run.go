package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"knockpipe/knock/once"
)

// A Process is what the system gives to the program.
type Process struct {
	Args   []string // without the program's name
	Env    func() []string
	Getenv func(name string) string

	Stdin, Stdout, Stderr *os.File

	Version string // of a release; else that of the module is shown
}

// Run answers one command line and returns the exit code.
func Run(process Process) int {
	report := &reporter{stderr: process.Stderr}
	q, err := parseArgs(process.Args)
	if err != nil {
		return report.fail(err)
	}
	q.Process = process
	report.verbose = q.verbose
	if q.logFile != "" {
		if err := report.open(q.logFile); err != nil {
			return report.fail(err)
		}
	}
	switch {
	case q.help:
		io.WriteString(q.Stdout, usage) // asked for
	case q.showVersion:
		fmt.Fprintln(q.Stdout, "knockpipe", q.version())
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
		return p.explain(q.Stdout, report)
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

// version is the release's version, or the module's, or "devel".
func (p *Process) version() string {
	if p.Version != "" {
		return p.Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
