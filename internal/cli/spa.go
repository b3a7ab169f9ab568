package cli

import (
	"errors"
	"fmt"
	"path/filepath"

	"knockpipe/knock"
	"knockpipe/knock/fwknop"
	"knockpipe/proxy"
)

// loadStanzas reads from ~/.fwknoprc what the sequences name. A step without a name
// has the stanza of the host. What fwknop opens is open for IPv4 alone.
func (p *plan) loadStanzas(host string) error {
	if p.question.explain {
		return nil
	}
	for _, seq := range []knock.Sequence{p.knocks, p.settings.KnockClose} {
		for i, step := range seq {
			if step.Proto != knock.FWKNOP {
				continue
			}
			if p.home == "" {
				return errors.New("no home folder, and so no .fwknoprc")
			}
			name := step.Text
			if name == "" {
				name = host
			}
			stanza, err := fwknop.Load(filepath.Join(p.home, ".fwknoprc"), name)
			if err != nil {
				return fmt.Errorf("knock %d of %d (fwknop): %w", i+1, len(seq), err)
			}
			if p.stanzas == nil {
				p.stanzas = make(map[string]*fwknop.Stanza)
			}
			p.stanzas[step.Text] = stanza
		}
	}
	if len(p.stanzas) == 0 {
		return nil
	}
	if p.family == proxy.IPv6 {
		return fmt.Errorf("%w, and IPv6 is asked for", fwknop.ErrIPv4)
	}
	p.family = proxy.IPv4
	return nil
}
