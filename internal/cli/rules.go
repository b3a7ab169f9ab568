package cli

import (
	"fmt"
	"io"

	"knockpipe/internal/file"
	"knockpipe/internal/rules"
)

// runRules is -rules: it prints the server's side of the host's knock. It shows the
// sequence, as it is asked to.
func runRules(o *options, process Process, report *reporter) error {
	p, err := readyPlan(o, process)
	if err != nil {
		return err
	}
	door := &rules.Door{Name: p.host, Ports: o.ports, Knock: p.knocks, Close: p.closing, Delay: p.settings.KnockDelay, LAN: o.lan}
	if len(door.Ports) == 0 {
		door.Ports = []uint16{p.port}
	}
	text, err := rules.Make(o.format, door)
	if err != nil {
		return &failure{code: exitUsage, err: fmt.Errorf("-rules: %w", err), hint: p.hint()}
	}
	if p.settings.KnockHost != "" {
		report.tell(true, "warning: KnockHost is another host, and these rules are for one that guards its own port")
	}
	for _, text := range rules.Warnings(p.knocks) {
		report.tell(true, "warning: "+text)
	}
	if _, err := io.WriteString(process.Stdout, text); err != nil {
		return networkFailure("stdout", file.WithoutPath(err))
	}
	return nil
}
