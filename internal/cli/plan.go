package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/user"
	"time"

	"knockpipe/config"
	"knockpipe/internal/ip"
	"knockpipe/knock"
)

// defaultTimeout is how long a door may take to open. It ends before the 10 s that
// Ansible allows for a connection without telling the ProxyCommand.
const defaultTimeout = 8 * time.Second

// A plan combines the options and the config. The options come first.
type plan struct {
	host   string // to connect to
	name   string // under which the host stands in the config: an alias, or the host
	named  bool   // by -n
	port   uint16
	family ip.Family

	knocks  knock.Sequence
	closing knock.Sequence
	from    string // where the knocks come from: "the command line", or file:line
	typed   bool   // they come from the command line
	limit   limit

	file     string // the only config that was read; empty for the usual ones
	places   config.Sources
	settings *config.Settings
	home     string // the user's; empty if it is not known
}

// readyPlan makes a plan whose sequences are ready to be sent.
func readyPlan(o *options, process Process) (*plan, error) {
	p, err := makePlan(o, process.Getenv)
	if err != nil {
		return nil, err
	}
	return p, p.load(process)
}

// makePlan reads the config for the options.
func makePlan(o *options, getenv func(string) string) (*plan, error) {
	p := &plan{host: o.host, port: o.port, family: o.family, file: o.config, named: o.alias != ""}
	var places config.Sources
	if u, err := user.Current(); err == nil {
		places = config.DefaultSources(u, getenv)
	}
	p.home = places.Home
	switch o.config {
	case "":
	case "none": // as for ssh -F
		places = config.Sources{}
	default:
		places.File = o.config
	}
	p.places = places
	settings, err := places.Load(config.Query{
		Name: cmp.Or(o.alias, o.host), Exact: p.named, User: o.login, Port: o.port, NoKnock: len(o.knocks) > 0,
	})
	if err != nil {
		return nil, &failure{code: exitUsage, err: err, hint: aliasHint(err)}
	}
	p.settings, p.name = settings, settings.Alias
	if o.mode.byHand { // who types an alias means what ssh would make of it
		p.port = cmp.Or(p.port, settings.Port, 22)
		if !p.named && !o.asSSH && settings.HostName != "" {
			p.host = settings.HostName
		}
	}
	if p.family == ip.Any {
		p.family = settings.Family
	}
	p.closing = settings.KnockClose
	p.knocks, p.from = settings.Knock, settings.Origin("Knock").String()
	if len(o.knocks) > 0 {
		p.knocks, p.from, p.typed = o.knocks.At("", p.home), "the command line", true
	}
	switch {
	case p.closing.Single():
		return nil, &failure{code: exitUsage, err: fmt.Errorf("%v: KnockClose: a token cannot close a door", settings.Origin("KnockClose"))}
	case p.knocks.Single() && len(p.closing) > 0: // it may be one for many hosts
		p.closing = nil
		settings.Notes = append(settings.Notes, config.Note{
			Text: "KnockClose is not sent: a token door shuts by itself", Origin: settings.Origin("KnockClose")})
	}
	p.limit = newLimit(o.timeout, settings, len(p.knocks) > 0)
	if pauses := p.knocks.Pauses(); p.limit.time > 0 && pauses >= p.limit.time {
		return nil, &failure{code: exitUsage, err: fmt.Errorf("the pauses in the sequence take %v, but opening may take only %v", pauses, p.limit.time),
			hint: "allow more time with KnockTimeout or -w"}
	}
	if pauses := p.closing.Pauses(); pauses >= closeTime {
		return nil, &failure{code: exitUsage, err: fmt.Errorf("the pauses in KnockClose take %v, but closing may take only %v", pauses, closeTime)}
	}
	return p, nil
}

// aliasHint says what to pass if a HostName is not enough.
func aliasHint(err error) string {
	if alias := new(config.AliasError); !errors.As(err, &alias) {
		return ""
	}
	return "pass the alias too: knockpipe -n %n %h %p in a ProxyCommand, -n ALIAS by hand"
}

// cleansUp reports whether something has to be done when a run ends: a door to close, or
// a knocking program to end.
func (p *plan) cleansUp() bool { return len(p.closing) > 0 || p.knocks.Runs() }

// load makes both sequences ready to be sent, and restricts the plan to the family that
// they open for.
func (p *plan) load(process Process) (err error) {
	env := knock.Env{Host: p.host, Name: p.name, Home: p.home, Environ: process.Env, Stderr: process.Stderr}
	for _, seq := range []*knock.Sequence{&p.knocks, &p.closing} {
		if *seq, err = seq.Load(env); err != nil {
			return &failure{code: exitUsage, err: err}
		}
		for _, step := range *seq {
			only := step.Facts().Family
			switch {
			case only == ip.Any:
			case p.family != ip.Any && p.family != only:
				return &failure{code: exitUsage, err: fmt.Errorf("%s supports only %v, but %v is requested", step.Kind(), only, p.family)}
			default:
				p.family = only
			}
		}
	}
	return nil
}

// A limit is how long opening may take, and where that comes from.
type limit struct {
	time time.Duration // zero means no limit of ours
	from string        // for -G
	cut  bool          // ssh's ConnectTimeout ends sooner than KnockTimeout
}

// newLimit determines the limit. If ssh's ConnectTimeout is shorter, ours ends a little
// before it, so that the user sees our message.
func newLimit(timeout time.Duration, s *config.Settings, knocks bool) limit {
	var l limit
	switch {
	case timeout > 0:
		return limit{time: timeout, from: "command line"}
	case !knocks:
	case s.KnockTimeout > 0:
		l = limit{time: s.KnockTimeout, from: s.Origin("KnockTimeout").String()}
	default:
		l = limit{time: defaultTimeout, from: "default"}
	}
	if t := s.ConnectTimeout; t > 0 {
		t -= min(t/10, 500*time.Millisecond)
		if l.time == 0 || t < l.time {
			l = limit{time: t, from: "before ConnectTimeout, " + s.Origin("ConnectTimeout").String(), cut: knocks}
		}
	}
	return l
}

// since returns a context with the limit, counted from a start time.
func (l limit) since(start time.Time) (context.Context, context.CancelFunc) {
	if l.time == 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithDeadline(context.Background(), start.Add(l.time))
}

// tell reports where the knock comes from and what looks wrong in the config.
func (p *plan) tell(report *reporter) {
	if p.name != p.host && !p.named {
		report.logf("%s is %s in the config", p.host, p.foundAs())
	}
	if p.from != "" {
		report.logf("%s from %s", plural(p.knocks.Knocks(), "knock"), p.from)
	}
	for _, n := range p.settings.Notes {
		report.logf("%v: %s", n.Origin, n.Text)
	}
}

// lookAtKey notes it if the key file of the host opens other hosts too. That takes a
// reading of the files for each host in them, so it is for those who ask how things
// stand.
func (p *plan) lookAtKey(user string) {
	if note := p.places.OtherKeyUse(p.settings, user); note != nil {
		p.settings.Notes = append(p.settings.Notes, *note)
	}
}

// foundAs names the alias, and the line that makes it one.
func (p *plan) foundAs() string {
	if line := p.settings.Origin("HostName"); line.Line > 0 {
		return fmt.Sprintf("%s (%v)", p.name, line)
	}
	return p.name
}

// hint is a note on the config that may explain a failure.
func (p *plan) hint() string {
	for _, n := range p.settings.Notes {
		if n.Hint {
			return fmt.Sprintf("%v: %s", n.Origin, n.Text)
		}
	}
	return ""
}
