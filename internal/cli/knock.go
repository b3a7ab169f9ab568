package cli

import (
	"fmt"
	"time"

	"knockpipe/knock"
)

// runKnock is -k: it knocks once at every address that it can reach, because it does not
// know which of them will be used.
func runKnock(o *options, process Process, report *reporter) error {
	start := time.Now()
	p, err := readyPlan(o, process)
	if err != nil {
		return err
	}
	switch {
	case p.knocks.Spent():
		return &failure{code: exitUsage, err: fmt.Errorf("-k would waste a one-time sequence of %s", p.knocks[0].Facts().File)}
	case len(p.knocks) == 0:
		hint := p.hint()
		if hint == "" && p.file == "" {
			hint = otherConfig
		}
		return &failure{code: exitUsage, err: fmt.Errorf("no knock is configured for %s", p.name), hint: hint}
	}
	p.tell(report)
	ctx, cancel := p.limit.since(start)
	defer cancel()
	t, err := p.resolve(ctx, o.source, report)
	if err != nil {
		return err
	}
	d := &door{plan: p, target: t, report: report}
	var sent []*knock.Sender
	var failed error
	for _, addr := range t.addrs {
		sender, err := d.knockOnce(ctx, addr)
		if err != nil {
			failed = fmt.Errorf("%v: %w", addr, err)
			report.logf("%v", failed)
			continue
		}
		report.logf("%s sent to %v", plural(p.knocks.Knocks(), "knock"), sender.To)
		sent = append(sent, sender)
	}
	for _, sender := range sent {
		sender.Wait()
	}
	if len(sent) == 0 {
		return &failure{code: exitNetwork, err: failed}
	}
	return nil
}
