package cli

import (
	"context"
	"net/netip"
	"time"

	"knockpipe/knock"
)

const (
	// closeTime bounds the closing sequence, which nobody waits for.
	closeTime = 10 * time.Second

	// closeTries is how often it is sent: nothing tells whether it got there.
	closeTries = 2
)

// closeDoor sends the closing sequence, slowly enough for a door that counts the
// order.
//
// The last try to open was given up in its middle if the port answered by then, so
// the first thing to do is to end what that left half done: a knockd would take
// the first knock of the closing sequence for a wrong one.
func (t *target) closeDoor(to netip.Addr) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	shared := t.share()
	turn := shared.turn(ctx, to)
	for turn.End == nil && ctx.Err() == nil { // it was another's, who is through now
		time.Sleep(time.Millisecond)
		turn = shared.turn(ctx, to)
	}
	if turn.End != nil {
		defer turn.End(0)
	}
	sender := knock.Sender{To: t.door(to), Source: t.sources.For(to), Exec: t.exec, Port: t.port, Stanzas: t.stanzas, Logf: t.report.logf2,
		Gap: max(knockOnlyGap, t.settings.KnockDelay, shared.pace(to).Gap), Restart: true, Wait: true}
	tries := closeTries
	if t.settings.KnockClose.Slow() {
		tries, sender.Restart = 1, false
	}
	for n := range tries {
		if n > 0 {
			time.Sleep(sender.Gap)
		}
		if err := sender.Send(ctx, t.settings.KnockClose); err != nil {
			t.report.logf("closing sequence: %v", err)
			return
		}
	}
	t.report.logf("closing sequence sent to %v", sender.To)
}
