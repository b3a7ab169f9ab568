package cli

import (
	"context"
	"net/netip"
	"time"

	"knockpipe/internal/state"
	"knockpipe/knock"
	"knockpipe/proxy"
)

// fwknopd takes 20 to 200 ms from its packet to the open port. A packet that got
// lost is followed by another after spaRest; until then, a connect starts as often
// as the limits of the first second allow.
const (
	spaRest  = 400 * time.Millisecond
	spaEvery = 20 * time.Millisecond
)

// stopTime is how much longer than it should another process may have its turn, on a
// busy machine, before it is taken for stopped.
const stopTime = 500 * time.Millisecond

// doors is what this process shares with the user's others about the doors of a
// target: turns at knocking, and a memory of what opened them.
type doors struct {
	*target
	turns  state.Turns
	memory *state.Memory // nil if there is none
}

// share finds the folders for it. Without them, knockpipe does without.
func (t *target) share() doors {
	d := doors{target: t}
	var err error
	if d.turns.Dir, err = state.RuntimeDir(t.Getenv, t.home); err != nil {
		t.report.logf2("no turns at knocking: %v", err)
	}
	if !t.knocks.Has(knock.Exec) { // which may take its time
		d.turns.Patience = proxy.LongestTurn(t.knocks.Knocks(), t.settings.KnockDelay) + 2*t.knocks.Pauses() + stopTime
	}
	if t.settings.NoKnockMemory || t.settings.KnockDelay > 0 || t.knocks.Slow() {
		return d
	}
	dir, err := state.StateDir(t.Getenv, t.home)
	if err != nil {
		t.report.logf2("no memory of doors: %v", err)
		return d
	}
	d.memory = &state.Memory{Dir: dir, Hash: t.settings.HashKnownHosts}
	return d
}

// turn waits for this process's turn at the door of an address.
func (d doors) turn(ctx context.Context, to netip.Addr) proxy.Turn {
	return proxy.Turn(d.turns.Wait(ctx, d.door(to)))
}

// pace is how to knock at the door of an address.
func (d doors) pace(to netip.Addr) proxy.Pace {
	pace := proxy.Pace{Gap: d.settings.KnockDelay}
	if d.memory != nil {
		p := d.memory.Recall(d.of(to)).Pace()
		pace = proxy.Pace{Gap: p.Gap, Rest: p.Rest, Restart: p.Restart}
	}
	switch {
	case d.knocks.Has(knock.Once):
		pace.Gap, pace.Rest, pace.Every = max(pace.Gap, time.Millisecond), spaRest, onceEvery
	case d.knocks.Slow():
		pace.Gap, pace.Rest, pace.Every = max(pace.Gap, time.Millisecond), spaRest, spaEvery
	case d.knocks.Pauses() > 0: // a burst of what takes its time is none
		pace.Gap = max(pace.Gap, time.Millisecond)
	}
	return pace
}

// learn remembers how the door was opened.
func (d doors) learn(o proxy.Opening) {
	if d.memory == nil || o.Tries == 0 { // it was open before
		return
	}
	old := d.memory.Recall(d.of(o.Addr))
	latest := old.Learn(state.Opening{Tries: o.Tries, Gap: o.Gap, Lag: o.Lag, Took: o.Took})
	if latest == old {
		return
	}
	if err := d.memory.Keep(d.of(o.Addr), latest); err != nil {
		d.report.logf2("no memory of doors: %v", err)
	}
}

// of is the door that guards an address.
func (d doors) of(to netip.Addr) state.Door { return state.Door{Addr: d.door(to), Port: d.port} }
