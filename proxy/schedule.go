package proxy

import (
	"iter"
	"time"
)

// A Try is how to send the sequence once.
type Try struct {
	// N is which try this is at the address, from 1. One that could not leave this
	// machine does not count: the next has its number.
	N int

	Gap time.Duration // between two knocks

	// Restart asks for no try yet, but to end what an earlier one may have left half
	// done at the door.
	Restart bool
}

// A round is one try, or a restart, and the connects after it.
type round struct {
	gap     time.Duration // between two knocks
	restart bool          // it is one
	rest    time.Duration // from the last knock to the next round
	every   time.Duration // between two connects; zero leaves it to the gap
	few     bool          // its connects are few, as it waits for them
	mute    bool          // it has no connect: another try follows at once
}

// A Pace slows down the schedule for a door that is known to need it. The zero Pace
// changes nothing.
type Pace struct {
	Gap  time.Duration // the least between two knocks
	Rest time.Duration // the least between the last knock and the next try

	// Every is how often a connect starts, for a door that takes its time whatever
	// the gap. Zero leaves that to the schedule.
	Every time.Duration

	Restart bool // a restart comes before the first try

	// Single says that one packet opens the door: there is no order to lose, so that no
	// gap is needed, and a connect starts together with a try.
	Single bool

	// Few asks for as few tries as can be, for a door that counts how often it was
	// opened: each waits for what the one before does. The second would open it again
	// before the port answers.
	Few bool
}

// schedule is what open does while the port stays shut. It repeats the last two rounds
// until the deadline.
//
// The first round goes back to back with its connect, so that a clean link pays
// nothing for the knock. Three more follow at once, for a link that reorders: a
// door that keeps a set of addresses takes the first of each knock, whichever
// round it came from, so four bursts are in order sooner than one. Two of them have no
// connect. All that are on their way when the door has opened are let in by the server
// if this process is stopped just then (SIGSTOP): the kernel holds a handshake back for
// 200 ms only. With a connect after each burst that were two more, and on links that
// reorder the port opened 2 to 4 ms sooner.
//
// A strict door, such as knockd, is spoilt by a knock out of order, and by what the
// bursts, or a try that lost a knock, have left half done there: then the next try does
// no more than clear that away, and with the mirrored doors of Debian's example, plain
// repetition can go on like this for ever. So the first try with a gap waits until the
// bursts are through, a restart comes before it and most of the later ones, and the gaps
// grow until the order survives the link's jitter. So do the rests, for doors that take
// their time (knockd opens 6 to 53 ms after the last knock, fwknopd up to 200 ms).
//
// A restart has connects in its rest, because knockd may open just then. It can also lose
// what a plain try wins, so one of the last tries has none before it.
var schedule = []round{
	{gap: 0, rest: 1 * time.Millisecond},
	{gap: 0, rest: 1 * time.Millisecond, mute: true},
	{gap: 0, rest: 1 * time.Millisecond, mute: true},
	{gap: 0, rest: 6 * time.Millisecond},
	{restart: true, rest: 6 * time.Millisecond},
	{gap: 7 * time.Millisecond, rest: 50 * time.Millisecond},
	{restart: true, rest: 10 * time.Millisecond},
	{gap: 12 * time.Millisecond, rest: 65 * time.Millisecond},
	{restart: true, rest: 30 * time.Millisecond, every: 30 * time.Millisecond},
	{gap: 30 * time.Millisecond, rest: 90 * time.Millisecond},
	{gap: 60 * time.Millisecond, rest: 220 * time.Millisecond},
	{restart: true, rest: 100 * time.Millisecond, every: 50 * time.Millisecond},
	{gap: 100 * time.Millisecond, rest: 300 * time.Millisecond},
}

// singles is the schedule for a door that one packet opens. On a lossy link, a connect
// has to follow soon after a packet that arrived, whichever that was.
var singles = []round{
	{rest: 1 * time.Millisecond},
	{rest: 1 * time.Millisecond, mute: true},
	{rest: 1 * time.Millisecond, mute: true},
	{rest: 11 * time.Millisecond, every: 5 * time.Millisecond},
	{rest: 60 * time.Millisecond, every: 12 * time.Millisecond},
	{rest: 70 * time.Millisecond, every: 20 * time.Millisecond},
	{rest: 90 * time.Millisecond, every: 30 * time.Millisecond},
	{rest: 130 * time.Millisecond, every: 50 * time.Millisecond},
	{rest: 400 * time.Millisecond, every: 130 * time.Millisecond},
	{rest: 400 * time.Millisecond, every: 130 * time.Millisecond},
}

// fewRest is how long a door and a link take to answer, of which only few tries are
// wanted: a round trip of 300 ms, and what knockd takes.
const fewRest = 400 * time.Millisecond

// rounds yields the schedule, and its last two rounds without end. If the pace has a gap,
// no round is a burst. If it asks for few tries, only the first is a burst, and a restart
// comes before each later try, because no try soon after another could work without.
func rounds(pace Pace) iter.Seq[round] {
	plan := schedule
	if pace.Single {
		plan, pace.Gap = singles, 0
	}
	row := func(i int) round {
		if over := i - len(plan); over >= 0 {
			i = len(plan) - 2 + over%2
		}
		return plan[i]
	}
	return func(yield func(round) bool) {
		tried, halfDone := false, pace.Restart
		for i := 0; ; i++ {
			r := row(i)
			burst := r.gap == 0 && !r.restart && !pace.Single
			if burst && (pace.Gap > 0 || pace.Few && tried) || r.restart && !tried {
				continue
			}
			r = r.at(pace, row(i+1))
			if !r.restart && halfDone && (pace.Few || !tried) {
				if !yield(round{restart: true, gap: pace.Gap, rest: r.gap, mute: true}) {
					return
				}
			}
			tried, halfDone = true, !r.restart && !pace.Single
			if !yield(r) {
				return
			}
		}
	}
}

// at returns the round at a pace. A restart is part of the rest that the pace asks for
// between two tries: it may leave before the answer to the first one arrives, because it
// leaves nothing half done at an open door. Then it has no connects, which are few.
func (r round) at(pace Pace, next round) round {
	if r.restart {
		r.gap, r.rest, r.mute = pace.Gap, max(r.rest, pace.Gap), pace.Rest > 0 || pace.Few
		return r
	}
	rest := pace.Rest
	if next.restart {
		rest -= pace.Gap + max(next.rest, pace.Gap)
	}
	r.gap = max(r.gap, pace.Gap)
	r.rest = max(r.rest, rest, 2*pace.Gap)
	if !pace.Single || pace.Few {
		r.every = pace.Every
	}
	r.mute = r.mute && pace.Rest == 0 // a rest is for what the try does, which a connect tells
	if pace.Few {
		r.rest, r.few, r.mute = max(r.rest, fewRest), true, false
	}
	return r
}

// By lateKnockd, knockd has opened or will not. A rest that is longer, over a link
// that is known to be, gets a connect only now and then: otherwise the limit of the
// first second would be used up when the next try needs it.
const (
	lateKnockd = 60 * time.Millisecond
	nowAndThen = 40 * time.Millisecond
)

// Few tries have fewer connects each, so that the limit of the first second is not
// used up before the second try: then nothing would tell that it opened.
const (
	everyOfFew      = 12 * time.Millisecond
	nowAndThenOfFew = 60 * time.Millisecond
)

// connects yields the times, counted from the last knock, at which a connect
// starts. It is one more knock, so it keeps the gap.
func (r round) connects() iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		if r.mute {
			return
		}
		every, late := max(r.gap, 5*time.Millisecond), nowAndThen
		if r.few {
			every, late = max(r.gap, everyOfFew), nowAndThenOfFew
		}
		if r.every > 0 {
			every, late = r.every, 0
		}
		for at := r.gap; at < r.rest; at += every {
			if !yield(at) {
				return
			}
			if at >= lateKnockd {
				every = max(every, late)
			}
		}
	}
}

// The limits of the first second: a server may take a client that sends much more for an
// attacker. A sequence of four needs no less; a longer one gets fewer tries.
const (
	maxKnocks   = 40
	maxConnects = 24
	maxBurst    = 24 // knocks before and in a round without gaps, but for the first
)

// restartKnocks is how many knocks a restart has.
const restartKnocks = 2

// A budget counts what one address gets to see. The first second is that of the
// first knock: before it, there may have been a wait for a turn.
type budget struct {
	start                   time.Time
	tries, knocks, connects int
}

// take reports whether a try of so many knocks, with this gap, is within the limits,
// and counts it. The first try always is.
func (b *budget) take(gap time.Duration, knocks int) bool {
	left := b.left()
	switch {
	case left <= 0:
		return true
	case b.tries == 0:
	case gap == 0 && b.knocks+knocks > maxBurst:
		return false
	case gap > 0:
		knocks = min(knocks, 1+int(left/gap))
	}
	if b.tries > 0 && b.knocks+knocks > maxKnocks {
		return false
	}
	b.tries++
	b.knocks += knocks
	return true
}

// restart reports whether a restart is within the limits, together with the try of so
// many knocks after it, and counts it.
func (b *budget) restart(knocks int) bool {
	if b.left() > 0 && b.tries > 0 && b.knocks+restartKnocks+knocks > maxKnocks {
		return false
	}
	b.knocks += restartKnocks
	return true
}

// left is what is left of the first second.
func (b *budget) left() time.Duration {
	if b.knocks == 0 {
		b.start = time.Now()
	}
	return time.Second - time.Since(b.start)
}

// connect reports whether one more connect is within the limits, and counts it.
func (b *budget) connect() bool {
	if b.connects >= maxConnects && time.Since(b.start) < time.Second {
		return false
	}
	b.connects++
	return true
}

// patience is how long a connect waits for its answer: not until the kernel
// sends a second SYN, a second after the first one. In the middle of a sequence,
// that one would spoil it at a strict door such as iptables' recent.
const patience = 900 * time.Millisecond

// patienceOfFew is the patience of connects whose number is limited: each keeps the
// next one waiting.
func patienceOfFew(elapsed time.Duration) time.Duration {
	return 300*time.Millisecond + elapsed
}

// slow is when a link may well be slower than the patience. From then on, one
// connect at a time has as much again as has gone by, and its second SYN.
const slow = time.Second

// headStart is how long an address has the door to itself before the next one
// is tried beside it.
const headStart = 500 * time.Millisecond
