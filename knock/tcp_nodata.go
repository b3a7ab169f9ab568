//go:build !linux

package knock

import "errors"

// sendSYNData needs Linux: elsewhere a SYN has data only with a cookie.
func (s *Sender) sendSYNData(uint16, []byte) error { return errors.New("not supported on this system") }
