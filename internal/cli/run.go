package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

// A Process is what the program gets from the system.
type Process struct {
	Args   []string // without the program's name
	Env    func() []string
	Getenv func(name string) string

	Stdin, Stdout, Stderr *os.File

	Version string // of a release; else that of the module is shown
}

// Run runs one command line and returns the exit code.
func Run(process Process) int {
	report := &reporter{stderr: process.Stderr}
	o, err := parseOptions(process.Args)
	if err != nil {
		return report.fail(err)
	}
	report.verbose = o.verbose
	if o.logFile != "" {
		if err := report.open(o.logFile); err != nil {
			return report.fail(err)
		}
	}
	err = o.mode.run(o, process, report)
	code := report.fail(err)
	if left, ok := errors.AsType[*goneError](err); ok && left.signal != nil {
		dieBy(left.signal)
	}
	return code
}

func runHelp(_ *options, process Process, _ *reporter) error {
	io.WriteString(process.Stdout, usage) // asked for
	return nil
}

func runVersion(_ *options, process Process, _ *reporter) error {
	fmt.Fprintln(process.Stdout, "knockpipe", process.version())
	return nil
}

// version is the release's version, or the module's, or "devel".
func (p Process) version() string {
	if p.Version != "" {
		return p.Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
