package check

import "golang.org/x/sys/unix"

// ClockLoose reports whether the clock is not synchronized, as far as the kernel knows
// (adjtimex(2)).
func ClockLoose() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && (state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0)
}
