package cli

import "knockpipe/knock/once"

// runOnce is -once: it writes a new list.
func runOnce(o *options, _ Process, _ *reporter) error {
	if err := once.Write(o.files[0], o.count); err != nil {
		return &failure{code: exitUsage, err: err}
	}
	return nil
}
