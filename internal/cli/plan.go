package cli

import (
	"errors"
	"fmt"
	"os/user"
	"time"

	"knockpipe/config"
	"knockpipe/knock"
	"knockpipe/knock/fwknop"
	"knockpipe/proxy"
)

// defaultTimeout is how long a door may take to open. It ends before the 10 s
// that Ansible allows a connection and that nobody tells a ProxyCommand of.
const defaultTimeout = 8 * time.Second

// A plan is what the command line and the config say together: the command line
// first.
type plan struct {
	*question
	settings *config.Settings

	home   string // the user's; empty if it is not known
	knocks knock.Sequence
	family proxy.Family
	limit  time.Duration // how long opening may take; zero is no limit of ours

	stanzas map[string]*fwknop.Stanza // by the name that a step gives
	once    *onceList                 // nil without a step once:FILE
}

// newPlan reads the config for a question.
func newPlan(q *question) (*plan, error) {
	name := q.alias
	if name == "" {
		name = q.host
	}
	query := config.Query{Name: name, User: q.login, NoKnock: len(q.knocks) > 0}
	var places config.Sources
	if u, err := user.Current(); err == nil {
		places = config.DefaultSources(u, q.Getenv)
	}
	p := &plan{question: q, home: places.Home, knocks: q.knocks, family: q.family}
	switch q.config {
	case "":
	case "none": // as for ssh -F
		places = config.Sources{}
	default:
		places.File = q.config
	}
	settings, err := places.Load(query)
	if err != nil {
		return nil, &failure{code: exitUsage, err: err}
	}
	p.settings = settings
	if len(p.knocks) == 0 {
		p.knocks = settings.Knock
	} else if p.knocks[0].Proto == knock.Once {
		p.knocks[0].Text = config.Path(p.knocks[0].Text, "", p.home)
	}
	if p.family == proxy.AnyFamily {
		p.family = families[settings.Family]
	}
	p.limit = p.timeLimit()
	if pauses := p.knocks.Pauses(); p.limit > 0 && pauses >= p.limit {
		return nil, &failure{code: exitUsage, err: fmt.Errorf("the pauses of the knock take %v, and opening may take %v", pauses, p.limit),
			hint: "give it more time by KnockTimeout or -w"}
	}
	if pauses := settings.KnockClose.Pauses(); pauses >= closeTime {
		return nil, &failure{code: exitUsage, err: fmt.Errorf("the pauses of KnockClose take %v, and closing may take %v", pauses, closeTime)}
	}
	if err := p.loadStanzas(name); err != nil {
		return nil, &failure{code: exitUsage, err: err}
	}
	if err := p.findList(); err != nil {
		f := &failure{code: exitUsage, err: err}
		errors.As(err, &f)
		return nil, f
	}
	if q.knockOnly && len(p.knocks) == 0 {
		return nil, &failure{code: exitUsage, err: fmt.Errorf("no knock for %s", name), hint: p.configHint()}
	}
	return p, nil
}

// families are the values of AddressFamily.
var families = map[string]proxy.Family{"": proxy.AnyFamily, "any": proxy.AnyFamily, "inet": proxy.IPv4, "inet6": proxy.IPv6}

// timeLimit is how long opening may take. Where ssh's ConnectTimeout is shorter,
// ours ends a little before it, so that our message is what the user sees.
func (p *plan) timeLimit() time.Duration {
	if p.timeout > 0 {
		return p.timeout
	}
	var limit time.Duration
	if len(p.knocks) > 0 {
		if limit = p.settings.KnockTimeout; limit == 0 {
			limit = defaultTimeout
		}
	}
	if t := p.settings.ConnectTimeout; t > 0 {
		t -= min(t/10, 500*time.Millisecond)
		if limit == 0 || t < limit {
			limit = t
		}
	}
	return limit
}

// tell says where the knock comes from, and what looks wrong in the config.
func (p *plan) tell(report *reporter) {
	if len(p.question.knocks) > 0 {
		report.logf("%s from the command line", plural(p.knocks.Knocks(), "knock"))
	} else {
		for _, e := range p.settings.Entries() {
			if e.Keyword == "knock" {
				report.logf("%s from %v", plural(p.knocks.Knocks(), "knock"), e.Origin)
			}
		}
	}
	for _, n := range p.settings.Notes {
		report.logf("%v: %s", n.Origin, n.Text)
	}
}

// configHint is what in the config may be the reason for a failure.
func (p *plan) configHint() string {
	for _, n := range p.settings.Notes {
		if n.Hint {
			return fmt.Sprintf("%v: %s", n.Origin, n.Text)
		}
	}
	return ""
}
