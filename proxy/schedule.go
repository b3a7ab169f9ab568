package proxy

import (
	"iter"
	"time"
)

// A Try is how to send the sequence once.
type Try struct {
	Gap time.Duration // between two knocks

	// Restart asks to end first what an earlier try may have left half done at
	// the door.
	Restart bool
}

// A round is one try and the connects after it.
type round struct {
	Try
	rest time.Duration // from the last knock to the next round
}

// schedule is what open does while the port stays shut; the last two rounds are
// repeated until the deadline.
//
// The first round goes back to back with its connect, so that a clean link pays
// nothing for the knock. The two after it follow at once, for a link that
// reorders: a door that keeps a set of addresses takes the first of each knock,
// whichever round it came from, so three bursts are in order sooner than one.
//
// A strict door, such as knockd, is spoilt by a knock out of order. So the fourth
// round waits until the bursts are through, and from the sixth on the gaps grow
// until the order survives the link's jitter, and the rests for doors that take
// their time (knockd opens 6 to 53 ms after the last knock, fwknopd up to 200 ms).
//
// A restart comes now and then, not always: it frees a door that is stuck in a
// half done sequence, as plain repetition can leave one for ever (knockd with the
// mirrored doors of Debian's example), and it can lose what a plain round wins.
var schedule = []round{
	{Try{0, false}, 1 * time.Millisecond},
	{Try{0, false}, 1 * time.Millisecond},
	{Try{0, true}, 11 * time.Millisecond},
	{Try{7 * time.Millisecond, false}, 10 * time.Millisecond},
	{Try{0, false}, 50 * time.Millisecond},
	{Try{15 * time.Millisecond, false}, 70 * time.Millisecond},
	{Try{30 * time.Millisecond, true}, 90 * time.Millisecond},
	{Try{60 * time.Millisecond, true}, 130 * time.Millisecond},
	{Try{100 * time.Millisecond, false}, 400 * time.Millisecond},
	{Try{100 * time.Millisecond, true}, 400 * time.Millisecond},
}

// rounds yields the schedule, and its last two rounds without end. Where gap is
// not zero, it is the least gap: then no round is a burst, and what is left has
// the rests of the bursts.
func rounds(gap time.Duration) iter.Seq[round] {
	return func(yield func(round) bool) {
		at := func(i int) round {
			if over := i - len(schedule); over >= 0 {
				i = len(schedule) - 2 + over%2
			}
			return schedule[i]
		}
		for i := 0; ; i++ {
			r := at(i)
			if gap > 0 {
				if r.Gap == 0 {
					continue
				}
				for j := i + 1; at(j).Gap == 0; j++ {
					r.rest += at(j).rest
				}
				r.Gap, r.rest = max(r.Gap, gap), max(r.rest, 2*gap)
			}
			if !yield(r) {
				return
			}
		}
	}
}

// connects yields the times, counted from the last knock, at which a connect
// starts. It is one more knock, so it keeps the gap.
func (r round) connects() iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		for at := r.Gap; at < r.rest; at += max(r.Gap, 5*time.Millisecond) {
			if !yield(at) {
				return
			}
		}
	}
}

// The limits of the first second: whoever sends much more is taken for an
// attacker. A sequence of four needs no less; a longer one gets fewer tries.
const (
	maxKnocks   = 40
	maxConnects = 24
	maxBurst    = 24 // knocks before and in a round without gaps, but for the first
)

// A budget counts what one address gets to see.
type budget struct {
	start            time.Time
	knocks, connects int
}

// take reports whether a try of so many knocks is within the limits, and counts
// it. The first try always is.
func (b *budget) take(try Try, knocks int) bool {
	left := time.Second - time.Since(b.start)
	switch {
	case left <= 0:
		return true
	case b.knocks == 0:
	case try.Gap == 0 && b.knocks+knocks > maxBurst:
		return false
	case try.Gap > 0:
		knocks = min(knocks, 1+int(left/try.Gap))
	}
	if b.knocks > 0 && b.knocks+knocks > maxKnocks {
		return false
	}
	b.knocks += knocks
	return true
}

// connect reports whether one more connect is within the limits, and counts it.
func (b *budget) connect() bool {
	if b.connects >= maxConnects && time.Since(b.start) < time.Second {
		return false
	}
	b.connects++
	return true
}

// patience is how long a connect that starts at elapsed waits for its answer.
// It ends before the kernel's own second SYN, so that the schedule alone says
// what is sent in the first second, and grows for links slower than that. Where
// connects must not overlap, it is shorter, as each one keeps the next waiting.
func patience(elapsed time.Duration, overlap int) time.Duration {
	if overlap > 0 {
		return 300*time.Millisecond + elapsed
	}
	return 900*time.Millisecond + elapsed
}

// headStart is how long an address has the door to itself before the next one
// is tried beside it.
const headStart = 500 * time.Millisecond
