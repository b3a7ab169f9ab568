package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"

	"knockpipe/internal/file"
	"knockpipe/internal/rules"
)

// runRules is -rules: it prints the server's side of the hosts' knocks. It shows the
// sequences on purpose.
func runRules(o *options, process Process, report *reporter) error {
	door := &rules.Door{Ports: o.ports, LAN: o.lan, Trial: o.trial, Wide: o.wide}
	for _, host := range o.hosts {
		one, err := o.about(host)
		if err != nil {
			return badUsage(err)
		}
		p, err := readyPlan(one, process)
		if err != nil {
			return err
		}
		if err := p.guard(door, len(o.ports) > 0, report); err != nil {
			return err
		}
	}
	text, err := rules.Make(o.format, door)
	if err != nil {
		return &failure{code: exitUsage, err: fmt.Errorf("-rules: %w", err)}
	}
	if _, err := io.WriteString(process.Stdout, text); err != nil {
		return networkFailure("stdout", file.WithoutPath(err))
	}
	if isPipe(process.Stdout) { // what is printed tells nobody then
		for _, line := range rules.NextSteps(o.format, door) {
			report.tell(true, line)
		}
	}
	return nil
}

func isPipe(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

// about returns the options as if only one of the hosts had been given.
func (o *options) about(host string) (*options, error) {
	one := *o
	one.host = host
	err := one.setUser()
	return &one, err
}

// guard adds the host's knocks to a door and warns of weak ones. The ports are the host's
// own unless they are given.
func (p *plan) guard(door *rules.Door, given bool, report *reporter) error {
	if len(p.knocks) == 0 {
		return &failure{code: exitUsage, err: fmt.Errorf("-rules: no knock is configured for %s", p.name), hint: p.hint()}
	}
	if p.settings.KnockHost != "" {
		report.tell(true, "warning: these rules are for a host that guards its own port, but the knocks go to KnockHost")
	}
	for _, text := range rules.Warnings(p.knocks) {
		report.tell(true, "warning: "+text)
	}
	switch {
	case given:
	case len(door.Ports) == 0:
		door.Ports = []uint16{p.port}
		if p.settings.Port == 0 {
			report.tell(true, fmt.Sprintf("guarding port %d, because no Port is configured for %s: if sshd listens on another port, name it after the host", p.port, p.name))
		}
	case p.port != door.Ports[0]:
		return &failure{code: exitUsage, err: fmt.Errorf("-rules: the port of %s is %d, but that of %s is %d", door.Hosts[0].Name, door.Ports[0], p.name, p.port),
			hint: "print their rules separately, or name the port after the hosts"}
	}
	door.Hosts = append(door.Hosts, rules.Host{Name: p.name, Port: cmp.Or(p.settings.Port, 22), Knock: p.knocks, Close: p.closing, Delay: p.settings.KnockDelay})
	return nil
}
