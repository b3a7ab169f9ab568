package state

import (
	"time"

	"knockpipe/proxy"
)

// A Record is what is known of a door. The zero value knows nothing.
type Record struct {
	// Strict counts for and against the door being one that is spoilt by a knock
	// out of order, or takes its time: 5 either way at most, so that what was
	// long true does not outweigh what is.
	Strict int

	Gap  time.Duration // that the next paced try should have
	Took time.Duration // the connect that was let in last

	// Clean says that the last opening left nothing half done: it was paced, and
	// took one try.
	Clean bool
}

const (
	// burstTries is how many tries a door without a record gets until the last
	// burst. One that forgives knocks out of order has been opened by then.
	burstTries = 4

	minGap = 7 * time.Millisecond
	maxGap = 100 * time.Millisecond

	// slowest is how long knockd takes at most from the last knock to the open port.
	slowest = 60 * time.Millisecond

	mostStrict = 5
	paceFrom   = 3 // how strict a door has to be for a paced beginning
)

// Pace is how to begin. The zero Pace begins with a burst. The rest gives the answer to a
// try time to arrive before the next try leaves, because knocks that arrive at an open
// door leave it halfway through the next sequence.
func (r Record) Pace() proxy.Pace {
	if r.Strict < paceFrom {
		return proxy.Pace{}
	}
	return proxy.Pace{Gap: r.Gap, Rest: r.Took + slowest, Restart: !r.Clean}
}

// Learn returns the record with one more opening in it, which began at the pace
// that the record says.
func (r Record) Learn(o proxy.Opening) Record {
	paced := r.Pace().Gap > 0
	if !paced && r == (Record{}) && o.Tries <= burstTries {
		return r
	}
	r.Strict = min(max(r.Strict+evidence(paced, o), -mostStrict), mostStrict)
	switch {
	case paced && o.Tries == 1:
		r.Gap = max(r.Gap*3/4, minGap)
	case paced:
		r.Gap = min(r.Gap*3/2, maxGap)
	case r.Gap == 0:
		r.Gap = max(o.Gap/2, minGap)
	}
	r.Took = o.Took
	r.Clean = paced && o.Tries == 1
	return r
}

// evidence is how much an opening says for a strict door, or against one.
//
// A strict door hardly ever opens to a burst. A forgiving one often does not
// either, over a link that loses and reorders. So one burst that opens it counts
// for more than one that does not. A pace is kept as long as it works, which at a
// strict door it does at the first try; but not if the very first
// connect is let in, which a burst would have done as well then. That counts for more
// too: where packets are lost, a pace that a door does not need takes twice as long as
// bursts, and bursts take little longer at a door that needs it.
func evidence(paced bool, o proxy.Opening) int {
	against := o.Tries <= burstTries
	if paced {
		against = o.Tries > 1 || o.Lag < o.Gap*3/2
	}
	if against {
		return -2
	}
	return 1
}
