package state

import "time"

// A Record is what is known of a door. Its zero value is nothing.
type Record struct {
	// Strict counts for and against the door being one that is spoilt by a knock
	// out of order, or takes its time: up to 3 either way, so that it takes more
	// than one odd opening to change what is well known.
	Strict int

	Gap  time.Duration // that the next paced try should have
	Took time.Duration // the connect that was let in last

	// Clean says that the last opening left nothing half done: it was paced, and
	// took one try.
	Clean bool
}

// An Opening is what happened at a door.
type Opening struct {
	Tries int           // how many it took
	Gap   time.Duration // of the last one
	Lag   time.Duration // from its last knock to the connect that was let in
	Took  time.Duration // that connect
}

// A Pace is how to begin at a strict door. The zero Pace is to begin with a burst.
type Pace struct {
	Gap     time.Duration // between two knocks
	Rest    time.Duration // until the next try
	Restart bool          // something may be half done
}

const (
	// burstTries is how many tries a door without a record gets until the last
	// burst. One that forgives knocks out of order has been opened by then.
	burstTries = 4

	minGap = 7 * time.Millisecond
	maxGap = 100 * time.Millisecond

	// slowest is how long knockd takes from the last knock to the open port, at
	// the most.
	slowest = 60 * time.Millisecond

	mostStrict = 3
)

// Pace is how to begin. The rest lets the answer to a try come before the next
// one leaves, because knocks that arrive at an open door leave it half way through
// the next sequence.
func (r Record) Pace() Pace {
	if r.Strict <= 0 {
		return Pace{}
	}
	return Pace{r.Gap, r.Took + slowest, !r.Clean}
}

// Learn returns the record with one more opening in it, which began at the pace
// that the record says. A door that opens to a burst stays unknown.
func (r Record) Learn(o Opening) Record {
	began := r.Pace()
	paced := began.Gap > 0
	if !paced && r == (Record{}) && o.Tries <= burstTries {
		return r
	}
	// A strict door does not open to a burst over a link that reorders, and a
	// forgiving one is open as soon as the last knock is there.
	strict := o.Tries > burstTries
	if paced {
		strict = o.Tries > 1 || o.Lag > 2*o.Gap
	}
	if strict {
		r.Strict = min(r.Strict+1, mostStrict)
	} else {
		r.Strict = max(r.Strict-1, -mostStrict)
	}
	switch {
	case paced && o.Tries == 1:
		r.Gap = max(began.Gap*3/4, minGap)
	case paced:
		r.Gap = min(began.Gap*3/2, maxGap)
	case r.Gap == 0:
		r.Gap = max(o.Gap/2, minGap)
	}
	r.Took = o.Took
	r.Clean = paced && o.Tries == 1
	return r
}
