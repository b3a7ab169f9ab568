package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"knockpipe/internal/check"
)

// A checkup does what a session does, once, and tells of it.
type checkup struct {
	*target
	*check.Report
	ssh check.SSHConfig // what ssh -G says; nil without it
}

// runCheck is -check: the report, and as error only that something failed.
func (q *question) runCheck(report *reporter) error {
	r := &check.Report{Out: q.Stdout, Colors: q.Getenv("NO_COLOR") == "" && q.Getenv("TERM") != "dumb" && isTerminal(q.Stdout)}
	typed := q.host
	if q.alias != "" {
		typed = q.alias
	}
	effective := q.askSSH(r, typed)
	q.fill(effective, typed)
	c := checkup{Report: r, ssh: effective}
	p, err := newPlan(q)
	if err != nil {
		r.Find(check.Fail, hintOf(err), "%v", err)
		return errFindings
	}
	c.config(p)
	ctx, cancel := p.bounded()
	defer cancel()
	if c.target, err = p.resolve(ctx, report); err != nil {
		r.Find(check.Fail, hintOf(err), "%v", err)
		return errFindings
	}
	r.Find(check.OK, "", "%s is %s", p.host, join(c.addrs))
	c.door()
	if r.Failed {
		return errFindings
	}
	return nil
}

// bounded is the time for one thing that waits for the network.
func (p *plan) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), cmp.Or(p.limit, defaultTimeout))
}

// errFindings makes the exit code, and says nothing more.
var errFindings = &failure{code: exitNetwork, quiet: true}

// askSSH has the real ssh say what it would use, and reports what is wrong there.
func (q *question) askSSH(r *check.Report, typed string) check.SSHConfig {
	path, err := exec.LookPath("ssh")
	if err != nil {
		r.Find(check.Warn, "", "no ssh is installed to ask for its config")
		return nil
	}
	c, err := check.ReadSSHConfig(path, q.sshArgs(typed)...)
	if err != nil && q.config != "" {
		r.Find(check.Warn, "", "ssh does not read %s: %v", q.config, err)
		return nil
	} else if err != nil {
		r.Find(check.Fail, "", "ssh: %v", err)
		return nil
	}
	c.Inspect(r, typed)
	return c
}

// sshArgs is the question as ssh would be asked it.
func (q *question) sshArgs(typed string) []string {
	var args []string
	give := func(flag, value string, given bool) {
		if given {
			args = append(args, flag, value)
		}
	}
	give("-F", q.config, q.config != "")
	give("-l", q.login, q.login != "")
	give("-p", strconv.Itoa(int(q.port)), q.port != 0)
	return append(args, "--", typed)
}

// fill takes from ssh what the command line leaves open.
func (q *question) fill(c check.SSHConfig, typed string) {
	if q.alias == "" {
		q.alias = typed
		if name := c["hostname"]; name != "" {
			q.host = name
		}
	}
	if q.login == "" && c["user"] != "" {
		q.login = c["user"]
	}
	if q.port == 0 {
		q.port = 22
		if port, err := parsePort(c["port"]); err == nil {
			q.port = port
		}
	}
}

// config tells where the knock comes from, and what looks wrong in the config.
func (c *checkup) config(p *plan) {
	from := "the command line"
	more := ""
	for _, e := range p.settings.Entries() {
		switch {
		case e.Keyword == "knock" && len(p.question.knocks) == 0:
			from = e.Origin.String()
		case strings.HasPrefix(e.Keyword, "knock"):
			more += fmt.Sprintf("; %s from %v", e.Keyword, e.Origin)
		}
	}
	for _, n := range p.settings.Notes {
		c.Find(check.Warn, "", "%v: %s", n.Origin, n.Text)
	}
	if len(p.knocks) == 0 {
		c.Find(check.Warn, "write it below its Host line: # Knock: ...", "no knock is configured for %s", p.alias)
		return
	}
	c.Find(check.OK, "", "%s from %s%s", plural(p.knocks.Knocks(), "knock"), from, more)
	if limit := p.settings.KnockTimeout; limit > p.limit {
		c.Find(check.Warn, "raise ConnectTimeout, or lower KnockTimeout", "KnockTimeout is %v, but ssh's ConnectTimeout ends it after %v", limit, p.limit)
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

// hintOf is what a failure suggests.
func hintOf(err error) string {
	var f *failure
	if errors.As(err, &f) {
		return f.hint
	}
	return ""
}
