package knock

import (
	"context"
	"fmt"
	"time"
)

// Pause is the time between two packets.
type Pause struct{ Time time.Duration }

func parsePause(value, option string) (Step, error) {
	if digits(value) {
		value += "ms"
	}
	d, err := time.ParseDuration(value)
	switch {
	case err != nil || d <= 0 || d > maxPause:
		return nil, fmt.Errorf("not a time up to %v, such as 250ms or 1s", maxPause)
	case option != "":
		return nil, errOption
	}
	return Pause{d}, nil
}

// Kind returns pause.
func (Pause) Kind() string { return "pause" }

func (p Pause) String() string { return "pause:" + p.Time.String() }

// Facts says how long it is. It may stand in any sequence.
func (p Pause) Facts() Facts { return Facts{Pause: p.Time, Ordered: true, Repeats: true} }

// send does nothing: the sender waits.
func (Pause) send(context.Context, *Sender) error { return nil }
