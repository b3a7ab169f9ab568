package cli

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"
	"unicode"

	"knockpipe/knock"
	"knockpipe/proxy"
)

// Messages go to stderr. Each line begins with "knockpipe:", without a capital after it
// and without a period at the end. stdout belongs to ssh.

// The exit codes, as in the manual.
const (
	exitNetwork = 1
	exitUsage   = 2
)

// A failure is an error as it is shown to the user.
type failure struct {
	code int
	err  error
	hint string // what to do about it; may be empty

	quiet bool // everything was said already
}

func (f *failure) Error() string { return f.err.Error() }

// Unwrap returns the error that is shown to the user.
func (f *failure) Unwrap() error { return f.err }

// hintOf returns the hint of an error.
func hintOf(err error) string {
	if f, ok := errors.AsType[*failure](err); ok && f.hint != "" {
		return f.hint
	}
	if h, ok := errors.AsType[*knock.HintError](err); ok {
		return h.Hint
	}
	return ""
}

// otherConfig is what users may have forgotten if the usual config has no knock.
const otherConfig = "if you use ssh -F FILE, pass -f FILE to knockpipe"

const unreachableHint = "is the host up, is this its address, or does a router on the way reject the traffic?"

func badUsage(err error) *failure {
	return &failure{code: exitUsage, err: err, hint: usageLine}
}

func networkFailure(what string, err error) *failure {
	return &failure{code: exitNetwork, err: fmt.Errorf("%s: %w", what, err)}
}

// openFailure says why there is no connection to the addresses that were tried.
func (p *plan) openFailure(err error, tried []netip.Addr) error {
	f := &failure{code: exitNetwork, err: fmt.Errorf("%s: %w", p.host, err)}
	addr, e := netip.ParseAddr(p.host)
	if e == nil {
		f.err = err // it names the address itself
	}
	shut, isShut := errors.AsType[*proxy.ShutError](err)
	local, isLocal := errors.AsType[*proxy.LocalError](err)
	if isShut {
		local = shut.Local()
		isLocal = local != nil
	}
	switch {
	case isLocal && !isShut:
		f.err, f.hint = fmt.Errorf("%s port %d: %w", p.host, p.port, err), localHint(local)
	case isLocal:
		f.hint = localHint(local)
	case !isShut && len(p.knocks) > 0 && proxy.Local(err) != nil: // of a knock
		f.hint = localHint(proxy.Local(err))
	case errors.Is(err, proxy.ErrNoTurn):
		f.hint = "a knockpipe that cannot get in delays the others, by up to two seconds at a time"
	case !isShut && len(p.knocks) == 0:
		f.err = fmt.Errorf("%s port %d: %w", p.host, p.port, err)
		f.hint = "no knock is configured for this host"
		if p.file == "" {
			f.hint += "; " + otherConfig
		}
	case isShut && shut.Unreachable():
		f.hint = unreachableHint
	case isShut && p.knocks.Single():
		f.hint = tokenHint
		if !shut.Silent() {
			f.hint = "the host answers but its door stays shut: is sshd running? If so: " + tokenHint
		}
	case isShut && shut.Silent():
		f.hint = fmt.Sprintf("%s, %s? %s", p.isRight(), dropped, counters)
	case isShut:
		f.hint = fmt.Sprintf("the host answers but its door stays shut: %s, is sshd running, %s? %s", p.isRight(), dropped, counters)
	}
	if isShut && p.settings.KnockHost != "" {
		f.err = fmt.Errorf("%w (knocked at KnockHost %s)", f.err, p.settings.KnockHost)
	}
	if hint := p.hint(); hint != "" {
		f.hint = hint
	}
	if !errors.Is(err, proxy.ErrNoTurn) { // nothing was tried then
		if family := p.otherFamily(tried); family != "" {
			f.hint = strings.TrimPrefix(f.hint+"; "+family, "; ")
		}
	}
	if addr.Is6() && addr.IsLinkLocalUnicast() && !isShut {
		f.hint = "a link-local address needs its interface: " + addr.WithZone("eth0").String()
	}
	return f
}

// localHint is what to do if a connect did not leave this machine.
func localHint(err *proxy.LocalError) string {
	switch {
	case err.NoPort():
		return "are all local ports in use (see ss -s), or does the source address belong to another machine?"
	case err.NoFile():
		return "the limit on open files is reached: see ulimit -n"
	case err.NoRoute():
		return "this machine has no route there: is its network up?"
	}
	return ""
}

// What can keep a knock from opening the door besides the knock itself, and how to find
// out.
const (
	dropped  = "or does a firewall on the way (perhaps your provider's) drop the knocks"
	counters = "The server's counters show which knocks arrive"
)

// tokenHint is what can keep a token from opening the door, and how to find out.
const tokenHint = "do the clocks agree within two minutes, are tokens loaded on the server (after a boot, the first one opens within two minutes), " +
	"and do firewalls on the way let them through? On the server, nft list counters shows tokens that came early, late or used; if it shows none, they were unknown or dropped"

// isRight asks about what the user can get wrong in the sequence.
func (p *plan) isRight() string {
	if p.knocks.Ordered() && p.knocks.Knocks() > 1 {
		return "is the sequence right and in order"
	}
	return "is the knock right"
}

// plural counts things.
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// A reporter prints messages to stderr and to the log file.
type reporter struct {
	stderr  io.Writer
	verbose int
	log     *os.File // nil without -E
}

// open makes the reporter write every event to the file too. Each event is one write to a
// file opened for appending, so that many processes can share it.
func (r *reporter) open(path string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return &failure{code: exitUsage, err: fmt.Errorf("log file: %w", err)}
	}
	r.log = f
	return nil
}

// logf prints an event if -v or -E was given.
func (r *reporter) logf(format string, args ...any) {
	if r.verbose > 0 || r.log != nil {
		r.tell(r.verbose > 0, fmt.Sprintf(format, args...))
	}
}

// logf2 prints a detail if -vv was given.
func (r *reporter) logf2(format string, args ...any) {
	if r.verbose > 1 {
		r.tell(true, fmt.Sprintf(format, args...))
	}
}

// fail prints an error, if there is one, and returns the exit code.
func (r *reporter) fail(err error) int {
	if err == nil {
		return 0
	}
	code := exitNetwork
	if f, ok := errors.AsType[*failure](err); ok {
		if code = f.code; f.quiet {
			return code
		}
	}
	if left, ok := errors.AsType[*goneError](err); ok { // there is nobody to tell
		r.logf("%v", left)
		return code
	}
	r.tell(true, err.Error())
	if hint := hintOf(err); hint != "" {
		r.tell(true, "hint: "+hint)
	}
	return code
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

// printable keeps an event on one line and keeps names from controlling the terminal.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}
