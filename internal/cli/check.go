package cli

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"knockpipe/config"
	"knockpipe/internal/check"
)

// A checkup does what a session does, once, and tells of it.
type checkup struct {
	report *check.Report
	log    *reporter       // of -v
	ssh    check.SSHConfig // what ssh -G says; nil without it

	plan   *plan
	target *target
	door   *door
}

// errFindings makes the exit code, and says nothing more.
var errFindings = &failure{code: exitNetwork, quiet: true}

// runCheck is -check: the report, and as error only that something failed.
func runCheck(o *options, process Process, log *reporter) error {
	c := &checkup{log: log, report: &check.Report{Out: process.Stdout,
		Colors: process.Getenv("NO_COLOR") == "" && process.Getenv("TERM") != "dumb" && isTerminal(process.Stdout)}}
	if err := c.prepare(o, process); err != nil {
		c.report.Find(check.Fail, hintOf(err), "%v", err)
		return errFindings
	}
	c.report.Find(check.OK, "", "%s is %s", c.plan.host, join(c.target.addrs))
	c.before()
	if unopenable := c.report.Failed && len(c.plan.knocks) == 0; !unopenable && !c.spends() {
		c.through(o.wait)
	}
	if c.report.Failed {
		return errFindings
	}
	return nil
}

// prepare reads the config, ssh's own reading of it first, and finds the host.
func (c *checkup) prepare(o *options, process Process) error {
	typed := cmp.Or(o.alias, o.host)
	c.ssh = o.askSSH(c.report, typed)
	o.fill(c.ssh, typed)
	var err error
	if c.plan, err = readyPlan(o, process); err != nil {
		return err
	}
	sequences, err := c.plan.knocks.Source()
	if err != nil {
		return err
	}
	c.config()
	ctx, cancel := c.bounded()
	defer cancel()
	if c.target, err = c.plan.resolve(ctx, o.source, c.log); err != nil {
		return err
	}
	c.door = &door{plan: c.plan, target: c.target, getenv: process.Getenv, report: c.log, sequences: sequences}
	return nil
}

// askSSH has the real ssh say what it would use, and reports what is wrong there.
func (o *options) askSSH(r *check.Report, typed string) check.SSHConfig {
	path, err := exec.LookPath("ssh")
	if err != nil {
		r.Find(check.Warn, "", "no ssh is installed to ask for its config")
		return nil
	}
	c, err := check.ReadSSHConfig(path, o.sshArgs(typed)...)
	if err != nil && o.config != "" {
		r.Find(check.Warn, "", "ssh does not read %s: %s", o.config, hideWords(err.Error(), o.config))
		return nil
	} else if err != nil {
		r.Find(check.Fail, "", "ssh: %s", hideWords(err.Error(), o.config))
		return nil
	}
	c.Inspect(r, typed)
	return c
}

// hideWords returns what ssh says against a line of a file without what it quotes of
// it, as that may be of a knock. What is left are plain words, a keyword of ours, names
// of files, and the number of the line.
func hideWords(message, file string) string {
	words := strings.Fields(message)
	for i, word := range words {
		bare := strings.Trim(word, `"'.:;,()[]`)
		ours := len(bare) >= 5 && strings.EqualFold(bare[:5], "knock")
		_, err := strconv.Atoi(bare)
		switch {
		case ours && slices.ContainsFunc(config.Keywords(), func(name string) bool { return strings.EqualFold(name, bare) }):
			if i+1 < len(words) { // what follows stands on its line
				return strings.Join(words[:i+1], " ") + " ..."
			}
		case !ours && strings.Trim(strings.ToLower(bare), "abcdefghijklmnopqrstuvwxyz'") == "":
		case filepath.IsAbs(bare), strings.Trim(word, ":") == file:
		case err == nil && i > 0 && (words[i-1] == "line" || words[i-1] == "status"):
		default:
			words[i] = "..."
		}
	}
	return strings.Join(words, " ")
}

// sshArgs are the options as ssh has them.
func (o *options) sshArgs(typed string) []string {
	var args []string
	give := func(flag, value string, given bool) {
		if given {
			args = append(args, flag, value)
		}
	}
	give("-F", o.config, o.config != "")
	give("-l", o.login, o.login != "")
	give("-p", strconv.Itoa(int(o.port)), o.port != 0)
	return append(args, "--", typed)
}

// fill takes from ssh what the command line leaves open.
func (o *options) fill(c check.SSHConfig, typed string) {
	if o.alias == "" {
		o.alias = typed
		if name := c["hostname"]; name != "" {
			o.host = name
		}
	}
	if o.login == "" && c["user"] != "" {
		o.login = c["user"]
	}
	if o.port == 0 {
		o.port = 22
		if port, err := parsePort(c["port"]); err == nil {
			o.port = port
		}
	}
}

// config tells where the knock comes from, and what looks wrong in the config.
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
		c.report.Find(check.Warn, hint, "no knock is configured for %s", p.name)
		return
	}
	more := ""
	for _, e := range p.settings.Entries() {
		if strings.HasPrefix(e.Keyword, "knock") && (e.Keyword != "knock" || p.typed) {
			more += fmt.Sprintf("; %s from %v", e.Keyword, e.Origin)
		}
	}
	c.report.Find(check.OK, "", "%s from %s%s", plural(p.knocks.Knocks(), "knock"), p.from, more)
	if limit := p.settings.KnockTimeout; limit > 0 && p.limit.cut {
		c.report.Find(check.Warn, "raise ConnectTimeout, or lower KnockTimeout", "KnockTimeout is %v, but ssh's ConnectTimeout ends it after %v", limit, p.limit.time)
	}
}

// bounded is the time for one thing that waits for the network.
func (c *checkup) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), cmp.Or(c.plan.limit.time, defaultTimeout))
}

// spends says so if to knock would use something up, which is done only for those
// who name it once more on the command line.
func (c *checkup) spends() bool {
	if !c.plan.knocks.Spent() || c.plan.typed {
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
	c.report.Find(check.Warn, fmt.Sprintf("to knock all the same: knockpipe -check %s %d %s", c.plan.name, c.plan.port, list),
		"not knocked, as that would use up a sequence of the list")
	return true
}

// through opens the door, and looks at what is behind it.
func (c *checkup) through(wait bool) {
	conn := c.open()
	if conn == nil {
		return
	}
	addr := remote(conn)
	c.server(conn)
	c.others(addr)
	if wait {
		c.shuts(addr)
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
