//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package knock

import "errors"

// sendEcho needs the system's own calls.
func (s *Sender) sendEcho([]byte) error { return errors.New("not supported on this system") }
