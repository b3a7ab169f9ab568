package cli

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"knockpipe/internal/state"
	"knockpipe/knock"
	"knockpipe/proxy"
)

// knockOnlyGap is the pause between two knocks where nothing tells whether they
// arrived in order.
const knockOnlyGap = 20 * time.Millisecond

// stopTime is how much longer than it should another process may have its turn, on a
// busy machine, before it is taken for stopped.
const stopTime = 500 * time.Millisecond

// A door is what one session knocks at, together with what it shares with the user's
// other processes: turns at knocking, and a memory of what opened doors.
type door struct {
	plan   *plan
	target *target
	getenv func(string) string
	report *reporter

	sequences knock.Source // what to send, try by try
	turns     state.Turns
	opened    state.Opened  // for a process that follows
	followed  sync.Map      // the addresses at which this one does
	memory    *state.Memory // nil if there is none

	mu    sync.Mutex
	tries map[netip.Addr]int // that were begun at an address, each of which may have opened
	gap   time.Duration      // of the try that opened
}

// share finds the directories of what is shared. Without them, nothing is shared.
func (d *door) share() {
	p := d.plan
	dir, err := state.RuntimeDir(d.getenv, p.home)
	if err != nil {
		d.report.logf2("cannot take turns at knocking: %v", err)
	}
	d.opened = state.Opened{Dir: dir, Open: followTime}
	if !p.knocks.Single() { // nothing can spoil a knock of one packet
		d.turns.Dir = dir
	}
	if !p.knocks.Runs() && !p.knocks.Spent() { // a program may take its time, and a list is kept
		d.turns.Patience = proxy.LongestTurn(p.knocks.Knocks(), p.settings.KnockDelay) + 2*p.knocks.Pauses() + stopTime
	}
	if p.settings.NoKnockMemory || p.settings.KnockDelay > 0 || !p.knocks.Ordered() {
		return
	}
	if dir, err = state.StateDir(d.getenv, p.home); err != nil {
		d.report.logf2("cannot remember doors: %v", err)
		return
	}
	d.memory = &state.Memory{Dir: dir}
}

// opener returns the Opener that makes the connection.
func (d *door) opener() proxy.Opener {
	opener := proxy.Opener{Sources: d.target.sources, Logf: d.report.logf}
	if len(d.plan.knocks) > 0 {
		d.share()
		opener.Knock, opener.Knocks = d.knock, d.plan.knocks.Knocks()
		opener.Tries, opener.Connects = d.plan.settings.KnockTries, d.plan.settings.KnockConnects
		opener.Pace, opener.Turn, opener.KeepTurn = d.pace, d.follow(d.turn), d.plan.knocks.Spent()
	}
	return opener
}

// open makes the connection and remembers what opened the door.
func (d *door) open(ctx context.Context, opener proxy.Opener) (*net.TCPConn, proxy.Opening, error) {
	conn, opening, err := opener.Open(ctx, d.target.addrs, d.plan.port)
	if err != nil {
		d.sequences.Failed()
		return nil, opening, err
	}
	d.gap = opening.Gap
	if opening.Tries == 0 { // it was open before, or another process has opened it
		d.try(remote(conn))
	}
	d.tell(opening)
	d.learn(opening)
	if warning := d.sequences.Opened(opening.Addr, opening.Tries); warning != "" {
		d.report.tell(true, warning)
	}
	return conn, opening, nil
}

// knock sends the sequence of a try to the gate of an address. What it leaves running
// goes on beside the session: connections of knocks, and a program that knocks. The end
// of the process ends both.
func (d *door) knock(ctx context.Context, to netip.Addr, try proxy.Try) error {
	sender, err := d.sender(to)
	if err != nil {
		return err
	}
	seq, err := d.sequences.Next(ctx, to, try.N)
	if err != nil {
		return err
	}
	sender.Gap = try.Gap
	if try.Restart {
		sender.Restart = 2
		return sender.SendRestart(ctx, seq)
	}
	d.try(to)
	return sender.Send(ctx, seq)
}

// try counts a try at an address.
func (d *door) try(to netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tries == nil {
		d.tries = make(map[netip.Addr]int)
	}
	d.tries[to]++
}

// knockOnce sends the plan's sequence once, slowly enough for a door that depends on the
// order. The caller waits for what the sender leaves running.
func (d *door) knockOnce(ctx context.Context, to netip.Addr) (*knock.Sender, error) {
	sender, err := d.sender(to)
	if err != nil {
		return nil, err
	}
	sender.Gap = d.patientGap()
	d.try(to)
	return sender, sender.Send(ctx, d.plan.knocks)
}

// sender returns a Sender for the gate of an address.
func (d *door) sender(to netip.Addr) (*knock.Sender, error) {
	gate := d.target.gate(to)
	if !gate.IsValid() {
		return nil, fmt.Errorf("KnockHost %s has no address of this family", d.plan.settings.KnockHost)
	}
	return &knock.Sender{To: gate, Source: d.target.sources.For(to), Port: d.plan.port, Logf: d.report.logf2}, nil
}

// patientGap is the pause between two knocks that nobody waits for.
func (d *door) patientGap() time.Duration { return max(knockOnlyGap, d.plan.settings.KnockDelay) }

// turn waits for this process's turn at the gate of an address.
func (d *door) turn(ctx context.Context, to netip.Addr) proxy.Turn {
	return d.turns.Wait(ctx, d.target.gate(to))
}

// followTime is how long a door is taken to be open after another process got in. The doors
// that -rules prints stay open for ten seconds after the knock.
const followTime = 7 * time.Second

// follow returns a TurnFunc that waits as wait does, unless another process has just opened
// the door of an address. The first turn there is then that process's, so that this one
// tries the port without a knock. That spends no token and no sequence of a list, and the
// server, which takes an address for a scanner if it sends too much, has less to count.
//
// A door with a closing sequence is not followed into: the session that opened it shuts it.
func (d *door) follow(wait proxy.TurnFunc) proxy.TurnFunc {
	if len(d.plan.closing) > 0 {
		return wait
	}
	var begun sync.Map // the addresses that had a turn
	return func(ctx context.Context, to netip.Addr) proxy.Turn {
		if _, later := begun.LoadOrStore(to, true); !later {
			if took := d.opened.Latest(netip.AddrPortFrom(to, d.plan.port)); took > 0 {
				d.followed.Store(to, true)
				return proxy.Turn{Took: took}
			}
		}
		return wait(ctx, to)
	}
}

// tell tells other processes whether they can follow this one, and whether it got in by
// following another one itself.
func (d *door) tell(opening proxy.Opening) {
	port := netip.AddrPortFrom(opening.Addr, d.plan.port)
	_, followed := d.followed.Load(opening.Addr)
	knocked := opening.Tries > 0
	switch {
	case followed && knocked:
		d.opened.Doubt(port)
	case followed:
		d.opened.Trust(port)
	}
	if knocked && len(d.plan.closing) == 0 {
		d.opened.Keep(port, opening.Took)
	}
}

// pace returns how to knock at the gate of an address.
func (d *door) pace(to netip.Addr) proxy.Pace {
	if d.plan.knocks.Single() {
		return proxy.Pace{Single: true}
	}
	pace := proxy.Pace{Gap: d.plan.settings.KnockDelay}
	if d.memory != nil {
		pace = d.memory.Recall(d.key(to)).Pace()
	}
	pace.Few = len(d.plan.closing) > 0
	rest, every := d.plan.knocks.Rest()
	switch {
	case rest > 0:
		pace.Gap, pace.Rest, pace.Every = max(pace.Gap, time.Millisecond), rest, every
	case d.plan.knocks.Pauses() > 0: // a burst of what takes its time is none
		pace.Gap = max(pace.Gap, time.Millisecond)
	}
	return pace
}

// learn remembers what opened the door.
func (d *door) learn(opening proxy.Opening) {
	if d.memory == nil || opening.Tries == 0 { // it was open before
		return
	}
	old := d.memory.Recall(d.key(opening.Addr))
	latest := old.Learn(opening)
	if latest == old {
		return
	}
	if err := d.memory.Keep(d.key(opening.Addr), latest); err != nil {
		d.report.logf2("cannot remember doors: %v", err)
	}
}

// key returns the key of an address's door in the memory.
func (d *door) key(to netip.Addr) state.Door {
	return state.Door{Addr: d.target.gate(to), Port: d.plan.port}
}

const (
	// closeTime bounds the wait for a turn at closing, and a program that closes.
	closeTime = 10 * time.Second

	// moreCloses is how often the closing sequence is sent besides: nothing tells whether
	// it got there. One of four knocks is lost, where each packet in fifty is, once in
	// thirteen times.
	moreCloses = 3

	// closeRestart is one more than what ends a half done sequence. Of mirrored doors,
	// whose closing sequence is the other one in reverse, the end of one closing, one
	// second knock where the other is lost, and the beginning of the next open the door.
	closeRestart = 3

	// moreTime is how long that may take.
	moreTime = 3 * time.Second

	// slowestClose is the longest gap between its knocks, unless the door asks for more.
	// It grows up to that from one closing to the next, so that the order survives the
	// link's jitter.
	slowestClose = 100 * time.Millisecond
)

// shut closes the door at each address where it may have been opened. There need not have
// been a session.
func (d *door) shut() {
	if len(d.plan.closing) == 0 {
		return
	}
	if len(d.plan.knocks) == 0 { // nothing has opened it
		d.share()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var all sync.WaitGroup
	for to, tries := range d.tries {
		all.Go(func() { d.shutAt(to, tries) })
	}
	all.Wait()
	clear(d.tries)
}

// shutAt sends the closing sequence to an address, slowly enough for a door that depends
// on the order. Some doors count openings: knockd may add a firewall rule for each
// opening and delete one for each closing. So shutAt sends the sequence as often as the
// door may have been opened, and a few times more.
//
// The last try may have been given up in its middle because the port answered. shutAt
// first ends what that left half done, because knockd would take the first knock of the
// closing sequence for a wrong one.
func (d *door) shutAt(to netip.Addr, times int) {
	sender, err := d.sender(to)
	if err != nil {
		d.report.logf("closing sequence: %v", err)
		return
	}
	closing := d.plan.closing
	least := max(d.patientGap(), d.pace(to).Gap, d.gap)
	most := max(least, slowestClose)
	each := func(gap time.Duration) time.Duration {
		return time.Duration(closing.Knocks()+closeRestart)*gap + closing.Pauses()
	}
	if closing.Repeats() {
		times += min(moreCloses, int(moreTime/each(least)))
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTime+time.Duration(times)*each(most))
	defer cancel()
	turn := d.turn(ctx, to)
	for turn.End == nil && ctx.Err() == nil { // another got in, and is through
		turn = d.turn(ctx, to)
	}
	if turn.End != nil {
		defer turn.End(0)
	}
	sender.Restart = closeRestart
	sent := 0
	for n := range times {
		time.Sleep(sender.Gap)
		sender.Gap = min(time.Duration(n+1)*least, most)
		err := sender.Send(ctx, closing)
		sender.Wait()
		if err != nil { // the link can come back
			d.report.logf("closing sequence: %v", err)
			continue
		}
		sent++
	}
	if sent > 0 {
		d.report.logf("closing sequence sent to %v, %s", sender.To, plural(sent, "time"))
	}
}
