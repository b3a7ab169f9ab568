package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"knockpipe/internal/rules"
	"knockpipe/knock"
)

// printRules is -rules: the server's side of the host's knock. It shows the
// sequence, as it is asked to.
func (p *plan) printRules(report *reporter) error {
	door := &rules.Door{Name: p.host, Ports: p.ports, Knock: p.knocks, Close: p.settings.KnockClose,
		Delay: p.settings.KnockDelay, LAN: p.lan}
	for _, step := range p.knocks {
		if step.Proto == knock.FWKNOP {
			door.Stanza = p.stanzas[step.Text]
		}
	}
	if len(door.Ports) == 0 {
		door.Ports = []uint16{cmp.Or(p.settings.Port, 22)}
	}
	text, err := rules.Make(p.rules, door)
	if err != nil {
		return &failure{code: exitUsage, err: fmt.Errorf("-rules: %w", err), hint: p.configHint()}
	}
	if p.settings.KnockHost != "" {
		report.tell(true, "warning: KnockHost is another host, and these rules are for one that guards its own port")
	}
	for _, text := range rules.Warnings(p.knocks) {
		report.tell(true, "warning: "+text)
	}
	if _, err := io.WriteString(p.Stdout, text); err != nil {
		return networkFailure("stdout", errors.Unwrap(err))
	}
	return nil
}
