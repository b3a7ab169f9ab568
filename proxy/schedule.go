package proxy

import (
	"iter"
	"time"
)

// A round is one try, the sending of the sequence, and the connects after it.
type round struct {
	gap  time.Duration // between two knocks
	rest time.Duration // from the last knock to the next round
}

// schedule is what open does while the port stays shut; its last round is
// repeated until the deadline.
//
// The first round goes back to back with its connect, so that a clean link pays
// nothing for the knock. What is lost or reordered on a worse one is made good
// by the next rounds, sent before an answer could be here: a door that keeps a
// set of addresses does not mind them. The gaps grow until the order survives
// the link's jitter, and the rests grow for doors that take their time (knockd
// opens 30 to 50 ms after the last knock, fwknopd up to 200 ms).
//
// With a sequence of four this is at most 40 knocks and 24 connects in the first
// second.
var schedule = []round{
	{0, 20 * time.Millisecond},
	{3 * time.Millisecond, 20 * time.Millisecond},
	{3 * time.Millisecond, 30 * time.Millisecond},
	{6 * time.Millisecond, 40 * time.Millisecond},
	{6 * time.Millisecond, 45 * time.Millisecond},
	{12 * time.Millisecond, 80 * time.Millisecond},
	{12 * time.Millisecond, 100 * time.Millisecond},
	{24 * time.Millisecond, 150 * time.Millisecond},
	{24 * time.Millisecond, 200 * time.Millisecond},
	{50 * time.Millisecond, 250 * time.Millisecond},
	{100 * time.Millisecond, 500 * time.Millisecond},
}

// rounds yields the schedule and then its last round without end.
func rounds() iter.Seq[round] {
	return func(yield func(round) bool) {
		for i := 0; yield(schedule[min(i, len(schedule)-1)]); i++ {
		}
	}
}

// connects yields the times, counted from the last knock, at which a connect
// starts: at once, and at growing distances as long as the round lasts.
func (r round) connects() iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		step := 15 * time.Millisecond
		for at := time.Duration(0); at < r.rest; at += step {
			if !yield(at) {
				return
			}
			if at > 0 {
				step *= 2
			}
		}
	}
}

// patience is how long a connect that starts at elapsed waits for its answer.
// It ends before the kernel's own second SYN, so that the schedule alone says
// what is sent in the first second, and grows for links slower than that.
func patience(elapsed time.Duration) time.Duration {
	return 900*time.Millisecond + elapsed
}

// headStart is how long an address has the door to itself before the next one
// is tried beside it.
const headStart = 500 * time.Millisecond
