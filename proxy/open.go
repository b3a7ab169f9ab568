package proxy

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// An Opener opens a port that may be guarded by a knock.
type Opener struct {
	// Knock sends the sequence once to an address. An error means that a knock
	// could not leave this machine. Nil stands for a port without a guard.
	Knock func(ctx context.Context, to netip.Addr, try Try) error

	// Knocks is how many knocks a sequence has, which bounds how often it is sent
	// in the first second.
	Knocks int

	// Pace says how to knock at an address. It may be nil.
	Pace func(to netip.Addr) Pace

	// Tries is how often the sequence is sent to an address at the most. After
	// that the connects go on. Zero is until ctx ends.
	Tries int

	// Connects is how many connects to an address may overlap at the most; 1 is
	// none. Zero leaves that to the schedule.
	Connects int

	// Turn waits until no other process knocks at the address. It may be nil.
	Turn TurnFunc

	// Sources are the local addresses to connect from.
	Sources Sources

	// Logf is told what happens, by several goroutines. It may be nil.
	Logf func(format string, args ...any)

	dial dialFunc // instead of the network's, for tests
}

// A dialFunc makes one connection, unless ctx ends first.
type dialFunc func(ctx context.Context, to netip.AddrPort) (net.Conn, error)

// Open returns a connection to port at the first of addrs that takes one before
// ctx ends.
//
// With a Knock, each address is knocked before it is connected to, again and
// again: refused, unreachable and silent all mean that the port is still shut.
// An address that cannot be reached from here gives way to the next at once, one
// that does not answer is joined by the next after half a second. Connects
// overlap, but only one handshake completes. The error is a [*ShutError] if the
// port stayed shut.
//
// Without a Knock, each address gets one plain connect, in order.
func (o *Opener) Open(ctx context.Context, addrs []netip.Addr, port uint16) (net.Conn, Opening, error) {
	if o.Knock == nil {
		conn, err := o.connect(ctx, addrs, port)
		return conn, Opening{}, err
	}
	r := &race{Opener: o, port: port, start: time.Now(), won: make(chan win, 1)}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- r.run(ctx, addrs) }()
	var w win
	select {
	case w = <-r.won:
		cancel()
	case err := <-ended:
		cancel()
		select {
		case w = <-r.won: // in the same moment
		default:
			return nil, Opening{}, err
		}
	}
	return settle(w.conn), w.opening, nil
}

// An Opening is how a port with a knock came to be open.
type Opening struct {
	Addr  netip.Addr
	Tries int           // how often the sequence was sent there before the connect that was let in
	Gap   time.Duration // between the knocks of the last of those
	Lag   time.Duration // from its last knock to that connect
	Took  time.Duration // by that connect
	After time.Duration // since the begin of Open
}

// connect is Open for a port without a guard.
func (o *Opener) connect(ctx context.Context, addrs []netip.Addr, port uint16) (conn net.Conn, err error) {
	for _, addr := range addrs {
		o.logf("connecting to %v port %d", addr, port)
		conn, err = o.dialPlain(ctx, netip.AddrPortFrom(addr, port))
		if err == nil {
			return conn, nil
		}
		o.logf("%v port %d: %v", addr, port, err)
	}
	return nil, err
}

func (o *Opener) logf(format string, args ...any) {
	if o.Logf != nil {
		o.Logf(format, args...)
	}
}
