package knock

import (
	"context"
	"slices"
	"strings"
	"time"

	"knockpipe/internal/ip"
)

// The bounds of a sequence.
const (
	// MaxSteps is how many steps it may have. knockd allows 32 ports for a door. Twice
	// that leaves room and still bounds the time of a try.
	MaxSteps = 64

	maxPayload = 64 << 10    // bytes, of all its knocks together
	maxPause   = time.Minute // of one step
)

// A Step is one knock, or a pause between two. Each kind of step is a type with a
// file of its own, which has its text form, its facts and its sending. As [Parse]
// returns them, steps can be compared with ==.
type Step interface {
	// Kind returns the name of the kind, as it is written in a sequence.
	Kind() string

	// String returns the step in a form that [Parse] reads: 12345 or udp:7000. It
	// shows the secret, so it is not for logs.
	String() string

	// Facts returns what code that does not know the kind has to know about the step.
	Facts() Facts

	// send sends the step once. It returns when ctx ends, or before.
	send(ctx context.Context, s *Sender) error
}

// Methods that only some kinds have.
type (
	// A carrier has data of its own, in bytes.
	carrier interface{ size() int }

	// A located step names a file. At returns it with the path made absolute.
	located interface {
		at(folder, home string) Step
	}

	// A loader needs more than its text to be sent.
	loader interface{ load(Env) (Step, error) }

	// A supplier stands for a sequence that differs each time. It is Whole.
	supplier interface{ source() (Source, error) }
)

// Facts are what other code has to know about a step, so that it needs no list of kinds.
type Facts struct {
	// Pause is how long to wait, for a step that is a pause and not a knock.
	Pause time.Duration

	// Rest is how long the door may take to open. Sending the knock again before that is
	// useless. Every is the time between two connects meanwhile.
	Rest, Every time.Duration

	Ordered bool // its place counts, so that a try which ends in its middle spoils the next
	Repeats bool // to send it twice does no harm
	Single  bool // one packet of it opens, so it needs no turn, no gap and no memory
	Spent   bool // sending uses it up, so it is sent only where it is meant to open
	Whole   bool // it stands for a sequence, so nothing stands beside it
	Runs    bool // it runs a program of the user's, which takes as long as it likes
	ByName  bool // what it sends depends on the name of the host

	Family ip.Family // the only one for which it opens, or any
	File   string    // the file that holds its secret; empty if its text does
	Server string    // what its server's side needs, where no firewall counts it
}

// Sequence is the knocks that open a door, in order.
type Sequence []Step

// Knocks returns how many of the steps are knocks.
func (s Sequence) Knocks() int {
	n := 0
	for _, step := range s {
		if step.Facts().Pause == 0 {
			n++
		}
	}
	return n
}

// Pauses returns the sum of its pauses.
func (s Sequence) Pauses() time.Duration {
	var sum time.Duration
	for _, step := range s {
		sum += step.Facts().Pause
	}
	return sum
}

// Rest returns the longest rest of its steps, and the time between two connects
// meanwhile. Both are zero if all steps are packets to a firewall.
func (s Sequence) Rest() (rest, every time.Duration) {
	for _, step := range s {
		f := step.Facts()
		rest, every = max(rest, f.Rest), max(every, f.Every)
	}
	return rest, every
}

// Ordered reports whether the place of each step counts.
func (s Sequence) Ordered() bool { return !s.any(func(f Facts) bool { return !f.Ordered }) }

// Single reports whether one packet opens the door, so that there is no order to lose.
func (s Sequence) Single() bool { return s.any(func(f Facts) bool { return f.Single }) }

// Repeats reports whether it does no harm to send the sequence twice.
func (s Sequence) Repeats() bool { return !s.any(func(f Facts) bool { return !f.Repeats }) }

// Spent reports whether sending the sequence uses something up.
func (s Sequence) Spent() bool { return s.any(func(f Facts) bool { return f.Spent }) }

// ByName reports whether what is sent depends on the name of the host.
func (s Sequence) ByName() bool { return s.any(func(f Facts) bool { return f.ByName }) }

// Runs reports whether sending the sequence runs a program.
func (s Sequence) Runs() bool { return s.any(func(f Facts) bool { return f.Runs }) }

func (s Sequence) any(fact func(Facts) bool) bool {
	return slices.ContainsFunc(s, func(step Step) bool { return fact(step.Facts()) })
}

// restart is the place of the knock that ends a half done sequence: the second one,
// or the next that is not the first one again. It is -1 if there is none.
func (s Sequence) restart() int {
	var first Step
	for i, step := range s {
		switch {
		case step.Facts().Pause > 0:
		case first == nil:
			first = step
		case step != first:
			return i
		}
	}
	return -1
}

// String returns the steps separated by blanks. It shows the ports, so it is
// not for logs.
func (s Sequence) String() string {
	words := make([]string, len(s))
	for i, step := range s {
		words[i] = step.String()
	}
	return strings.Join(words, " ")
}
