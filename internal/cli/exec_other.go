//go:build !unix

package cli

import (
	"context"
	"errors"
	"net/netip"
)

// exec is not to be had without a shell and process groups.
func (t *target) exec(context.Context, string, netip.Addr) error {
	return errors.New("not on this system")
}
