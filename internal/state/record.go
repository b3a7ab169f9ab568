package state

import "time"

// A Record is what is known of a door: how long it took to open when the first
// knocks came as a burst, and when they came with a gap. Zero is unknown.
type Record struct {
	Burst time.Duration
	Paced time.Duration
	Gap   time.Duration // that the next paced try should have
}

const (
	burstRounds = 3 // tries that a door without a record gets before the first with a gap
	firstGap    = 7 * time.Millisecond
	maxGap      = 100 * time.Millisecond
)

// Advice is the gap with which to begin; zero is to begin with a burst.
func (r Record) Advice() time.Duration {
	if r.Gap > 0 && (r.Paced == 0 || r.Paced < r.Burst) {
		return r.Gap
	}
	return 0
}

// Learn returns the record with one more opening in it: the gap it began with, as
// advised, how many tries it took, the gap of the last one, and the time. A door
// that opens in the first bursts stays unknown.
func (r Record) Learn(began time.Duration, tries int, gap, after time.Duration) Record {
	if began == 0 {
		if r == (Record{}) && tries <= burstRounds {
			return r
		}
		r.Burst = average(r.Burst, after)
		if r.Gap == 0 {
			r.Gap = max(gap, firstGap)
		}
		return r
	}
	r.Paced = average(r.Paced, after)
	if tries == 1 {
		r.Gap = max(began*3/4, firstGap)
	} else {
		r.Gap = min(began*3/2, maxGap)
	}
	return r
}

// average weighs the newest value by a third.
func average(old, latest time.Duration) time.Duration {
	if old == 0 {
		return latest
	}
	return (2*old + latest) / 3
}
