package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"time"
	"unicode"

	"knockpipe/proxy"
)

// What the user sees: everything on stderr, each line begins with "knockpipe:",
// no capital first and no period last. stdout belongs to ssh.

// The exit codes, as in the manual.
const (
	exitNetwork = 1
	exitUsage   = 2
)

// A failure is an error as the user is told of it.
type failure struct {
	code int
	err  error
	hint string // what to do about it; may be empty

	quiet bool // everything was said already
}

func (f *failure) Error() string { return f.err.Error() }

const unreachableHint = "is the host up, is this its address, and does nothing on the way forbid it?"

func badUsage(err error) *failure {
	return &failure{code: exitUsage, err: err, hint: usageLine}
}

func networkFailure(what string, err error) *failure {
	return &failure{code: exitNetwork, err: fmt.Errorf("%s: %w", what, err)}
}

// openFailure says why there is no connection.
func openFailure(p *plan, err error) *failure {
	f := &failure{code: exitNetwork, err: fmt.Errorf("%s: %w", p.host, err)}
	if _, e := netip.ParseAddr(p.host); e == nil {
		f.err = err // it names the address itself
	}
	var shut *proxy.ShutError
	switch {
	case errors.Is(err, proxy.ErrNoTurn):
		f.hint = "a knockpipe that does not get in keeps others waiting, for two seconds at a time"
	case !errors.As(err, &shut) && len(p.knocks) == 0:
		f.err = fmt.Errorf("%s port %d: %w", p.host, p.port, err)
		f.hint = "no knock is given for this host"
		if p.question.config == "" {
			f.hint += "; with ssh -F FILE, pass -f FILE"
		}
	case shut != nil && shut.Unreachable():
		f.hint = unreachableHint
	case shut != nil && shut.Silent():
		f.hint = "is the sequence right and in order, and does nothing on the way drop it?"
	case shut != nil:
		f.hint = "the host answers but its door stays shut: is the sequence right and in order, and does sshd run?"
	}
	if shut != nil && p.settings.KnockHost != "" {
		f.err = fmt.Errorf("%w (knocked at KnockHost %s)", f.err, p.settings.KnockHost)
	}
	if hint := p.configHint(); hint != "" {
		f.hint = hint
	}
	if addr, e := netip.ParseAddr(p.host); e == nil && addr.Is6() && addr.IsLinkLocalUnicast() && shut == nil {
		f.hint = "a link-local address needs its interface: " + addr.WithZone("eth0").String()
	}
	return f
}

// plural counts things.
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// withoutPath strips the path of a file that the message names anyway.
func withoutPath(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// A reporter tells what happens, on stderr and in the log file.
type reporter struct {
	stderr  io.Writer
	verbose int
	log     *os.File // nil without -E
}

// open makes every event go to the file too. Each is one write to a file opened
// for appending, so that many processes can share it.
func (r *reporter) open(path string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return &failure{code: exitUsage, err: fmt.Errorf("log file: %w", err)}
	}
	r.log = f
	return nil
}

// logf tells an event to those who asked with -v or -E.
func (r *reporter) logf(format string, args ...any) {
	if r.verbose > 0 || r.log != nil {
		r.tell(r.verbose > 0, fmt.Sprintf(format, args...))
	}
}

// logf2 tells a detail to those who asked with -vv.
func (r *reporter) logf2(format string, args ...any) {
	if r.verbose > 1 {
		r.tell(true, fmt.Sprintf(format, args...))
	}
}

// fail tells an error, if it is one, and returns the exit code.
func (r *reporter) fail(err error) int {
	if err == nil {
		return 0
	}
	f := &failure{code: exitNetwork}
	if errors.As(err, &f) && f.quiet {
		return f.code
	}
	r.tell(true, err.Error())
	if f.hint != "" {
		r.tell(true, "hint: "+f.hint)
	}
	return f.code
}

func (r *reporter) tell(stderr bool, text string) {
	text = strings.Map(printable, text)
	if stderr {
		fmt.Fprintf(r.stderr, "knockpipe: %s\n", text)
	}
	if r.log != nil {
		fmt.Fprintf(r.log, "%s knockpipe[%d]: %s\n", time.Now().Format("2006-01-02T15:04:05.000Z07:00"), os.Getpid(), text)
	}
}

// printable keeps an event on its line and a name from steering the terminal.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}
