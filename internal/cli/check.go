package cli

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"knockpipe/internal/check"
	"knockpipe/knock"
)

// A checkup does once what a session does, and reports on it.
type checkup struct {
	report *check.Report
	log    *reporter       // of -v
	typed  string          // the name of the host
	named  bool            // the knocks are on the command line of -check
	ssh    check.SSHConfig // what ssh -G says; nil without it

	plan      *plan
	sequences knock.Source
	target    *target
	door      *door

	unguarded []netip.Addr // whose port was open before the knock
}

// errFindings sets the exit code and prints nothing.
var errFindings = &failure{code: exitNetwork, quiet: true}

// runCheck is -check: it prints the report. Its error says only that something failed.
func runCheck(o *options, process Process, log *reporter) error {
	signal.Ignore(syscall.SIGPIPE) // a door is to be closed also where nobody reads on
	c := &checkup{log: log, report: &check.Report{Out: process.Stdout,
		Colors: process.Getenv("NO_COLOR") == "" && process.Getenv("TERM") != "dumb" && isTerminal(process.Stdout)}}
	if err := c.prepare(o, process); err != nil {
		c.report.Find(check.Fail, hintOf(err), "%v", err)
		return errFindings
	}
	client := newClient(process)
	if c.plan.cleansUp() {
		client.catch()
	}
	ctx, stop := client.while(context.Background())
	defer stop()
	if err := c.find(ctx, o.source); err != nil {
		c.report.Find(check.Fail, hintOf(err), "%v", err)
		return cmp.Or(gone(ctx), error(errFindings))
	}
	c.door = &door{plan: c.plan, target: c.target, getenv: process.Getenv, report: log, sequences: c.sequences}
	c.before(ctx)
	if unopenable := c.report.Failed && len(c.plan.knocks) == 0; !unopenable && !c.spends() {
		c.through(ctx, o.wait)
	}
	switch left := gone(ctx); {
	case left != nil:
		return left
	case c.report.Failed:
		return errFindings
	}
	return nil
}

// prepare asks ssh for its config, then reads it.
func (c *checkup) prepare(o *options, process Process) (err error) {
	typed := cmp.Or(o.alias, o.host)
	c.ssh = o.askSSH(c.report, typed)
	c.typed = typed[strings.LastIndexByte(typed, '@')+1:] // as ssh's %n is
	call, wrong := readCall(c.ssh, c.typed, process.Getenv("HOME"))
	file := o.config
	c.named = len(o.knocks) > 0
	o.fill(c.ssh, call, c.typed)
	c.plan, err = readyPlan(o, process)
	c.inspect(call, wrong, file)
	if err != nil {
		return err
	}
	if !c.named && c.plan.typed {
		c.plan.from = "the ProxyCommand"
	}
	c.plan.lookAtKey(o.login)
	if c.sequences, err = c.plan.knocks.Source(); err != nil {
		return err
	}
	if flags := c.needs(o, process); flags != "" {
		c.report.Find(check.Fail, "write: ProxyCommand knockpipe "+flags+" %h %p",
			"%s has a knock, but its HostName %s does not lead to it", c.typed, c.plan.host)
	} else {
		c.config()
	}
	return nil
}

// find resolves the host.
func (c *checkup) find(ctx context.Context, source netip.Addr) (err error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	if c.target, err = c.plan.resolve(ctx, source, c.log); err != nil {
		return err
	}
	c.report.Find(check.OK, "", "%s is %s", c.plan.host, join(c.target.addrs))
	return nil
}

// needs returns the options that a ProxyCommand lacks to find the knock, if they would
// help.
func (c *checkup) needs(o *options, process Process) string {
	if len(c.plan.knocks) > 0 {
		return ""
	}
	named := *o
	named.alias = c.typed
	file := ""
	if c.plan.file != "" {
		file = "-f " + c.plan.file + " "
	}
	for _, try := range []struct{ login, flags string }{{o.login, "-n %n"}, {c.ssh["user"], "-n %n -l %r"}} {
		named.login = try.login
		if p, err := makePlan(&named, process.Getenv); err == nil && len(p.knocks) > 0 {
			return file + try.flags
		}
	}
	return ""
}

// config reports where the knock comes from and what looks wrong in the config.
func (c *checkup) config() {
	p := c.plan
	for _, n := range p.settings.Notes {
		c.report.Find(check.Warn, "", "%v: %s", n.Origin, n.Text)
	}
	if len(p.knocks) == 0 {
		hint := "write it below its Host line: # Knock: ..."
		if p.file == "" {
			hint += "; " + otherConfig
		}
		c.report.Find(check.Warn, hint, "no knock is configured for %s", c.typed)
		return
	}
	more := ""
	for _, e := range p.settings.Entries() {
		if strings.HasPrefix(e.Keyword, "knock") && (e.Keyword != "knock" || p.typed) {
			more += fmt.Sprintf("; %s from %v", e.Keyword, e.Origin)
		}
	}
	c.report.Find(check.OK, "", "%s from %s%s", plural(p.knocks.Knocks(), "knock"), p.from, more)
	if left, hint := c.sequences.Supply(); left != "" && !p.knocks.Spent() {
		c.report.Find(check.OK, hint, "%s: %s", p.knocks[0], left)
	}
	if p.knocks.Single() && check.ClockLoose() {
		c.report.Find(check.Warn, "is a time service (NTP) running?", "this machine's clock is not synchronized, and tokens depend on it")
	}
	if limit := p.settings.KnockTimeout; limit > 0 && p.limit.cut {
		c.report.Find(check.Warn, "raise ConnectTimeout, or lower KnockTimeout", "KnockTimeout is %v, but ssh's ConnectTimeout cuts it to %v", limit, p.limit.time)
	}
}

// bounded limits the time of one step that waits for the network.
func (c *checkup) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, cmp.Or(c.plan.limit.time, defaultTimeout))
}

// spends reports whether knocking would use something up, which -check does only if it is
// named on the command line.
func (c *checkup) spends() bool {
	if !c.plan.knocks.Spent() || c.named {
		return false
	}
	level := check.OK
	left, hint := c.door.sequences.Supply()
	if hint != "" {
		level = check.Warn
	}
	step := c.plan.knocks[0]
	list := step.Kind() + ":" + step.Facts().File
	c.report.Find(level, hint, "%s: %s", list, left)
	c.report.Find(check.Warn, fmt.Sprintf("to knock anyway: knockpipe -check %s %d %s", c.typed, c.plan.port, list),
		"did not knock, because that would use up a sequence of the list")
	return true
}

// through opens the door, looks at the server, and closes the door as a session does.
func (c *checkup) through(ctx context.Context, wait bool) {
	var addr netip.Addr
	if conn := c.open(ctx); conn != nil {
		addr = remote(conn)
		c.server(ctx, conn)
		c.others(ctx, addr)
	}
	closes := len(c.plan.closing) > 0
	if closes {
		c.door.shut()
	}
	switch {
	case !addr.IsValid():
	case wait:
		c.shuts(ctx, addr, shutTime)
	case closes:
		c.shuts(ctx, addr, closedTime)
	}
}

func join(addrs []netip.Addr) string {
	var texts []string
	for _, addr := range addrs {
		texts = append(texts, addr.String())
	}
	return strings.Join(texts, ", ")
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
