//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package knock

import "errors"

// sendICMP is not to be had without the system's own calls.
func (s *Sender) sendICMP(int) error { return errors.New("not on this system") }
