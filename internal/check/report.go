package check

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// A Level is the severity of a finding.
type Level int

// The levels.
const (
	OK Level = iota
	Warn
	Fail
)

var levels = [...]struct{ name, color string }{OK: {"ok", "32"}, Warn: {"warn", "33"}, Fail: {"fail", "31"}}

// A Report prints findings as they come, one on each line.
type Report struct {
	Out    io.Writer
	Colors bool
	Failed bool // whether one of them was a Fail
}

// Find prints a finding, and what to do about it if advice is not empty.
func (r *Report) Find(level Level, advice, format string, args ...any) {
	r.Failed = r.Failed || level == Fail
	name := fmt.Sprintf("%-4s", levels[level].name)
	if r.Colors {
		name = "\x1b[" + levels[level].color + "m" + name + "\x1b[0m"
	}
	fmt.Fprintf(r.Out, "%s  %s\n", name, printable(fmt.Sprintf(format, args...)))
	if advice != "" {
		fmt.Fprintf(r.Out, "      %s\n", printable(advice)) // has its own percent signs
	}
}

// printable keeps a finding on one line and keeps the server's text from controlling the
// terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}
