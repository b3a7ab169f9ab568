//go:build !unix

package knock

import (
	"context"
	"errors"
)

// send needs a shell and process groups.
func (Exec) send(context.Context, *Sender) error { return errors.New("not supported on this system") }
