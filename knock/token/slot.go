package token

import (
	"fmt"
	"time"
)

// A Slot is two minutes of the clock: the number of them since 1970, in UTC.
type Slot uint64

const (
	// slotTime is how long a slot lasts.
	slotTime = 120 * time.Second

	// slack is how far two clocks may differ: a token counts this long before its slot
	// begins and after it ends.
	slack = 120 * time.Second
)

// SlotOf returns the slot of a time.
func SlotOf(t time.Time) Slot { return Slot(t.Unix() / int64(slotTime/time.Second)) }

// Opens is the time from which the tokens of the slot count at the server.
func (s Slot) Opens() time.Time { return s.Begin().Add(-slack) }

// Shuts is the time from which they do not count any more.
func (s Slot) Shuts() time.Time { return s.Begin().Add(slotTime + slack) }

// Begin is when the slot begins.
func (s Slot) Begin() time.Time { return time.Unix(int64(s)*int64(slotTime/time.Second), 0) }

// A ClockError says that the clock cannot be right.
type ClockError struct{ Now time.Time }

func (e *ClockError) Error() string {
	return fmt.Sprintf("the clock cannot be right: it says %s", e.Now.UTC().Format("2006-01-02 15:04 MST"))
}

// CheckClock returns an error for a time before tokens existed, or so late that the
// kernel could not hold its slot.
func CheckClock(now time.Time) error {
	if year := now.UTC().Year(); year < 2026 || year > 9999 {
		return &ClockError{now}
	}
	return nil
}
