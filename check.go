package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"knockpipe/internal/check"
	"knockpipe/proxy"

	"golang.org/x/crypto/ssh"
)

const (
	handshakeTime = 10 * time.Second // for the server to greet and to show its key
	shutTime      = time.Minute      // for the door to shut again
	lateTries     = 4                // so many bursts are no sign of a wrong order
)

// A checkup does what a session does, once, and tells of it.
type checkup struct {
	*target
	*check.Report
	ssh check.SSHConfig // what ssh -G says; nil without it
}

// runCheck is -check: the report, and as error only that something failed.
func (q *question) runCheck(report *reporter) error {
	r := &check.Report{Out: os.Stdout, Colors: os.Getenv("NO_COLOR") == "" && isTerminal(os.Stdout)}
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
	limit := p.limit
	if limit == 0 {
		limit = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if c.target, err = p.resolve(ctx, report); err != nil {
		r.Find(check.Fail, hintOf(err), "%v", err)
		return errFindings
	}
	r.Find(check.OK, "", "%s is %s", p.host, join(c.addrs))
	c.door(ctx)
	if r.Failed {
		return errFindings
	}
	return nil
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
	args := []string{"--", typed}
	if q.config != "" {
		args = append([]string{"-F", q.config}, args...)
	}
	c, err := check.ReadSSHConfig(path, args...)
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
	for _, e := range p.settings.Entries() {
		if e.Keyword == "knock" && len(p.question.knocks) == 0 {
			from = e.Origin.String()
		}
	}
	for _, n := range p.settings.Notes {
		c.Find(check.Warn, "", "%v: %s", n.Origin, n.Text)
	}
	if len(p.knocks) == 0 {
		c.Find(check.Warn, "write it below its Host line: # Knock: ...", "no knock is configured for %s", p.alias)
		return
	}
	c.Find(check.OK, "", "%d knocks from %s", p.knocks.Knocks(), from)
	if limit := p.settings.KnockTimeout; limit > p.limit {
		c.Find(check.Warn, "raise ConnectTimeout, or lower KnockTimeout", "KnockTimeout is %v, but ssh's ConnectTimeout ends it after %v", limit, p.limit)
	}
}

// door looks at the port, opens it, and looks behind it.
func (c *checkup) door(ctx context.Context) {
	opener := proxy.Opener{Sources: c.sources}
	for _, addr := range c.addrs {
		state := opener.Probe(ctx, addr, c.port)
		switch {
		case len(c.knocks) == 0 && state == proxy.Open:
			c.Find(check.OK, "", "%v port %d is open, without a knock", addr, c.port)
		case state == proxy.Open:
			c.Find(check.Warn, "guard this address too, or wait until an earlier knock is over", "%v port %d is open before the knock", addr, c.port)
		case len(c.knocks) == 0:
			c.Find(check.Fail, "", "%v port %d is %s, and no knock is known", addr, c.port, state)
		default:
			c.Find(check.OK, "", "%v port %d is shut: %s", addr, c.port, state)
		}
	}
	if c.Failed && len(c.knocks) == 0 {
		return
	}
	if c.once != nil && len(c.question.knocks) == 0 {
		c.list()
		return
	}
	start := time.Now()
	conn, opening, err := c.opened(ctx)
	if err != nil {
		f := openFailure(c.plan, err)
		c.Find(check.Fail, f.hint, "%v", f)
		return
	}
	if len(c.knocks) > 0 {
		c.Find(check.OK, "", "%v port %d opened %v after the start, at try %d", remote(conn), c.port, time.Since(start).Round(time.Millisecond), max(opening.Tries, 1))
	}
	if opening.Tries > lateTries {
		c.Find(check.Warn, fmt.Sprintf("if that stays so, set KnockDelay %d", opening.Gap.Milliseconds()),
			"the knocks got through in order only with %v between them", opening.Gap.Round(time.Millisecond))
	}
	c.server(conn)
	c.others(ctx, remote(conn))
	if c.wait {
		c.shuts(remote(conn))
	}
}

// list tells of a list of one-time sequences, of which none is spent unasked.
func (c *checkup) list() {
	switch left := c.once.left; {
	case left == 0:
		c.Find(check.Warn, "", "once:%s: in use by another process", c.once.path)
	case left <= fewLeft:
		c.Find(check.Warn, "make a new list by knockpipe -once 100 FILE, and copy it to the server", "once:%s: %d sequences are left", c.once.path, left)
	default:
		c.Find(check.OK, "", "once:%s: %d sequences are left", c.once.path, left)
	}
	c.Find(check.Warn, fmt.Sprintf("to spend one: knockpipe -check %s %d once:%s", c.alias, c.port, c.once.path),
		"the rest is not checked, as that would spend a sequence")
}

// server looks at what is behind the door.
func (c *checkup) server(conn net.Conn) {
	known := check.ReadKnownHosts(c.knownHosts(), c.host, c.port, c.ssh["hostkeyalias"])
	server, err := check.Handshake(conn, known.Algorithms(), handshakeTime)
	switch {
	case err != nil && server.Version == "":
		c.Find(check.Fail, "is the port forwarded to sshd?", "no SSH server there: %v", err)
		return
	case err != nil:
		c.Find(check.Fail, "", "%s: %v", server.Version, err)
		return
	}
	c.Find(check.OK, "", "%s answers", server.Version)
	key := fmt.Sprintf("%s key %s", server.Key.Type(), ssh.FingerprintSHA256(server.Key))
	switch verdict, where := known.Judge(server.Key); verdict {
	case check.Known:
		c.Find(check.OK, "", "its %s is known from %s", key, where)
	case check.Unknown:
		c.Find(check.Warn, "compare it with the server's before you answer ssh's question", "its %s is not known", key)
	case check.Changed:
		c.Find(check.Fail, "is it another server? If its key was changed on purpose: ssh-keygen -R HOST", "its %s is not the one of %s", key, where)
	case check.Revoked:
		c.Find(check.Fail, "", "its %s is revoked by %s", key, where)
	}
}

// knownHosts are the files that ssh looks into.
func (c *checkup) knownHosts() []string {
	text := c.ssh["userknownhostsfile"] + " " + c.ssh["globalknownhostsfile"]
	if strings.TrimSpace(text) == "" {
		text = "~/.ssh/known_hosts ~/.ssh/known_hosts2 /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"
	}
	var files []string
	for _, file := range strings.Fields(text) {
		if rest, ok := strings.CutPrefix(file, "~/"); ok {
			file = filepath.Join(c.home, rest)
		}
		files = append(files, file)
	}
	return files
}

// others knocks at the addresses that were not needed, and says whether they open.
func (c *checkup) others(ctx context.Context, used netip.Addr) {
	if len(c.knocks) == 0 || c.knocks.Slow() {
		return
	}
	opener := proxy.Opener{Sources: c.sources}
	for _, addr := range c.addrs {
		if addr == used {
			continue
		}
		if err := c.knock(ctx, addr, proxy.Try{Gap: max(knockOnlyGap, c.settings.KnockDelay)}); err != nil {
			c.Find(check.Warn, "", "%v: %v", addr, err)
			continue
		}
		if state := opener.Probe(ctx, addr, c.port); state != proxy.Open {
			c.Find(check.Warn, "if it is not guarded alike, set AddressFamily", "%v port %d stays %s after the knock", addr, c.port, state)
			continue
		}
		c.Find(check.OK, "", "%v port %d opens as well", addr, c.port)
	}
}

// shuts waits until the door is shut again.
func (c *checkup) shuts(addr netip.Addr) {
	opener := proxy.Opener{Sources: c.sources}
	start := time.Now()
	for time.Since(start) < shutTime {
		if opener.Probe(context.Background(), addr, c.port) != proxy.Open {
			c.Find(check.OK, "", "the door is shut again after %v", time.Since(start).Round(time.Second))
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	c.Find(check.Warn, "does the server forget who has knocked?", "the door is still open after %v", shutTime)
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
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// hintOf is what a failure suggests.
func hintOf(err error) string {
	var f *failure
	if errors.As(err, &f) {
		return f.hint
	}
	return ""
}
