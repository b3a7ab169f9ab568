package proxy

import (
	"context"
	"errors"
	"iter"
	"net"
	"net/netip"
	"sync"
	"time"
)

// An Opener opens a port that may be guarded by a knock.
//
// Its funcs may be called by several goroutines, one for each address. Those that
// are given a context return as soon as it ends.
type Opener struct {
	// Knock sends the sequence once to an address, or ends what is half done there. An
	// error means that a knock could not leave this machine. Nil means that the port is
	// not guarded.
	Knock func(ctx context.Context, to netip.Addr, try Try) error

	// Knocks is how many knocks a sequence has, which bounds how often it is sent
	// in the first second.
	Knocks int

	// Pace says how to knock at an address. It may be nil.
	Pace func(to netip.Addr) Pace

	// Tries is how often the sequence is sent to an address at most. After that
	// the connects go on. Zero is until ctx ends.
	Tries int

	// Connects is how many connects to an address may overlap at most; 1 is none.
	// Zero leaves that to the schedule.
	Connects int

	// Turn waits until this process may knock at the address. It may be nil.
	Turn TurnFunc

	// KeepTurn says that a turn lasts until the port is open or the time is up: the
	// others could not knock meanwhile.
	KeepTurn bool

	// Sources are the local addresses to connect from.
	Sources Sources

	// Logf logs what happens. It may be nil.
	Logf func(format string, args ...any)

	dial dialFunc // instead of the network's, for tests
}

// A dialFunc makes one connection, unless ctx ends first.
type dialFunc func(ctx context.Context, to netip.AddrPort, w *witness) (net.Conn, error)

// A TurnFunc waits until no other process of this user knocks at an address, because a
// door that depends on the order of knocks is spoilt by two at a time. The wait is also
// over when another process has got in, which may have been before it began, and when ctx
// ends.
type TurnFunc func(ctx context.Context, to netip.Addr) Turn

// A Turn is the result of the wait.
type Turn struct {
	// End gives the turn to the others, with the time that the port took to
	// answer the connect, or zero if it did not open. It is nil if this process has no
	// turn, because another one has got in or ctx has ended.
	End func(took time.Duration)

	// Took is what the process that has got in gave to its End.
	Took time.Duration
}

// An Opening tells how a knock opened a port.
type Opening struct {
	Addr  netip.Addr
	Tries int           // how often the sequence was sent there before the connect that was let in
	Gap   time.Duration // between the knocks of the last of those
	Lag   time.Duration // from its last knock to that connect
	Took  time.Duration // by that connect
}

// Open returns a connection to port at the first of addrs that takes one before
// ctx ends. The caller closes it.
//
// With a Knock, each address is knocked before it is connected to, again and
// again: refused, unreachable and silent all mean that the port is still shut.
// An address that cannot be reached from here gives way to the next at once, one
// that does not answer is joined by the next after half a second. Connects
// overlap, but only one handshake completes. The error is a [*ShutError] if the
// port stayed shut.
//
// Without a Knock, each address gets one plain connect, in order.
//
// When Open returns, nothing of it runs on: none of the Opener's funcs is called
// any more, and every turn has been given back.
func (o *Opener) Open(ctx context.Context, addrs []netip.Addr, port uint16) (*net.TCPConn, Opening, error) {
	conn, opening, err := o.open(ctx, addrs, port)
	if err != nil {
		return nil, Opening{}, err
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok { // a test's own
		conn.Close()
		return nil, Opening{}, errors.New("the connection is not TCP")
	}
	return tcp, opening, nil
}

// open is Open with any kind of connection.
func (o *Opener) open(ctx context.Context, addrs []netip.Addr, port uint16) (net.Conn, Opening, error) {
	if o.Knock == nil {
		conn, err := o.openPlain(ctx, addrs, port)
		return conn, Opening{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &race{opener: o, port: port, start: time.Now(), won: make(chan win, 1), cancel: cancel}
	attempts := r.run(ctx, addrs)
	select {
	case w := <-r.won:
		return w.conn, w.opening, nil
	default:
		return nil, Opening{}, r.failure(attempts)
	}
}

// openPlain is open for a port without a guard.
func (o *Opener) openPlain(ctx context.Context, addrs []netip.Addr, port uint16) (net.Conn, error) {
	err := errors.New("no address to connect to")
	for _, addr := range addrs {
		o.logf("connecting to %v port %d", addr, port)
		var conn net.Conn
		if conn, err = o.dialPlain(ctx, netip.AddrPortFrom(addr, port)); err == nil {
			return conn, nil
		}
		o.logf("%v port %d: %v", addr, port, err)
	}
	return nil, err
}

// A race is one Open with a Knock: many connects, of which the first that
// completes is the session.
type race struct {
	opener *Opener
	port   uint16
	start  time.Time
	won    chan win           // has room for one, the session
	cancel context.CancelFunc // ends the race
}

// A win is the session and how it was opened.
type win struct {
	conn    net.Conn
	opening Opening
}

// run tries the addresses, each from its head start on, until one is in, ctx ends
// or none of them can be reached. It returns when all that it started has ended.
func (r *race) run(ctx context.Context, addrs []netip.Addr) []*attempt {
	var attempts []*attempt
	var wg sync.WaitGroup
	for _, addr := range alternate(addrs) {
		if ctx.Err() != nil {
			break
		}
		a := r.newAttempt(addr)
		attempts = append(attempts, a)
		wg.Go(func() { a.run(ctx) })
		select {
		case <-ctx.Done():
		case <-a.gone:
		case <-time.After(headStart):
		}
	}
	wg.Wait()
	return attempts
}

// claim makes the connection the session and ends the race. If there is one
// already, it gets rid of the connection. The server gets its ACK before the losers end:
// one takes 0.1 ms, twenty 0.4 ms, most of it until their goroutines wake up.
func (r *race) claim(w win) {
	select {
	case r.won <- w:
		settle(w.conn)
		r.cancel()
	default:
		reset(w.conn)
	}
}

// alternate puts an address of the other family after each of the first one's, so
// that a whole family that is dead costs one head start.
func alternate(addrs []netip.Addr) []netip.Addr {
	var first, other, all []netip.Addr
	for _, addr := range addrs {
		if addr.Is4() == addrs[0].Is4() {
			first = append(first, addr)
		} else {
			other = append(other, addr)
		}
	}
	for i := range addrs {
		if i < len(first) {
			all = append(all, first[i])
		}
		if i < len(other) {
			all = append(all, other[i])
		}
	}
	return all
}

// An attempt is what a race does at one address. One goroutine knocks, and starts
// another for each connect.
type attempt struct {
	race *race
	addr netip.Addr

	// Of the goroutine that knocks, and of everybody when it has ended.
	next        func() (round, bool) // of the schedule
	stop        func()               // ends the schedule
	budget      budget
	sent        int           // how often the sequence was
	latestGap   time.Duration // of the latest try
	latestKnock time.Time     // when its last knock was sent
	hadTurn     bool
	gone        chan struct{} // closed when the address cannot be reached from here
	err         error         // why, set before gone is closed

	// Of the connects.
	connects sync.WaitGroup
	mu       sync.Mutex
	inFlight map[*witness]bool
	patient  bool          // one of them waits for a slow link
	answer   error         // the latest that one got from the network
	told     string        // what was logged of that
	took     time.Duration // by the one that was let in
}

func (r *race) newAttempt(addr netip.Addr) *attempt {
	a := &attempt{race: r, addr: addr, gone: make(chan struct{}), budget: budget{start: time.Now()}, inFlight: make(map[*witness]bool)}
	var pace Pace
	if r.opener.Pace != nil {
		pace = r.opener.Pace(addr)
	}
	a.next, a.stop = iter.Pull(rounds(pace))
	return a
}

// run knocks and connects until ctx ends or the address proves out of reach. It
// returns when the last connect has ended.
func (a *attempt) run(ctx context.Context) {
	defer a.stop()
	defer a.connects.Wait()
	step := a.playTurn
	if a.race.opener.Turn == nil {
		step = a.playRound
	}
	for step(ctx) {
	}
}

// turnTime is how long a process knocks without success before others may.
const turnTime = 2 * time.Second

// turnBreak is how long it leaves them for that.
const turnBreak = 100 * time.Millisecond

// LongestTurn is how long a process with so many knocks may have its turn at most:
// the round in which the time is up is finished. The gap is the least between two
// knocks.
func LongestTurn(knocks int, gap time.Duration) time.Duration {
	last := schedule[len(schedule)-1]
	return turnTime + time.Duration(knocks)*max(last.gap, gap) + max(last.rest, 2*gap)
}

// playTurn knocks when it is this process's turn. If another one has got in instead, it
// tries the port without a knock: the door may be open for all of this host. It reports
// whether there is reason to go on.
func (a *attempt) playTurn(ctx context.Context) bool {
	start := time.Now()
	turn := a.race.opener.Turn(ctx, a.addr)
	if waited := time.Since(start); waited > 20*time.Millisecond {
		a.race.opener.logf("waited %v while another knockpipe knocked at %v", waited.Round(time.Millisecond), a.addr)
	}
	if ctx.Err() != nil {
		if turn.End != nil {
			turn.End(0)
		}
		return false
	}
	if turn.End == nil {
		return a.follow(ctx, turn.Took)
	}
	a.hadTurn = true
	on := true
	for end := time.Now().Add(turnTime); on && (a.race.opener.KeepTurn || time.Now().Before(end)); {
		on = a.playRound(ctx)
	}
	a.mu.Lock()
	took := a.took
	a.mu.Unlock()
	turn.End(took)
	return on && sleep(ctx, turnBreak)
}

// follow tries the port without a knock, twice, because a packet may be lost, after another
// process got in by a connect that took so long. It waits until one is answered, but for
// not much longer than that one took, nor for most of the time that is left: this process
// may have to knock. It reports whether there is reason to go on.
func (a *attempt) follow(ctx context.Context, took time.Duration) bool {
	opener := a.race.opener
	opener.logf("another knockpipe got in at %v: trying port %d without a knock", a.addr, a.race.port)
	wait := min(took+10*time.Millisecond, patience/2)
	if end, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(end)/8)
	}
	connecting := ctx
	if opener.Connects > 0 { // a late one would take the place of one after a knock
		defer a.connects.Wait()
		var cancel context.CancelFunc
		connecting, cancel = context.WithTimeout(ctx, 2*wait)
		defer cancel()
	}
	for range 2 {
		select {
		case <-a.startConnect(connecting):
			return ctx.Err() == nil
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
	return true
}

// playRound knocks once, or restarts, and connects by the schedule. It reports whether
// there is reason to go on.
func (a *attempt) playRound(ctx context.Context) bool {
	round, _ := a.next()
	opener := a.race.opener
	if (opener.Tries == 0 || a.sent < opener.Tries) && !a.connected() {
		fits := false
		if round.restart {
			fits = opener.Knocks > 2 && a.budget.restart(opener.Knocks)
		} else {
			fits = a.budget.take(round.gap, opener.Knocks)
		}
		if fits && !a.try(ctx, Try{N: a.sent + 1, Gap: round.gap, Restart: round.restart}) {
			return false
		}
	}
	var last time.Duration
	for at := range round.connects() {
		if !sleep(ctx, at-last) {
			return false
		}
		last = at
		a.startConnect(ctx)
	}
	return sleep(ctx, round.rest-last)
}

// try knocks once, or restarts, and reports whether there is reason to go on. Only the
// very first knock may say that the address is out of reach; later on, a link that is
// down can come back.
func (a *attempt) try(ctx context.Context, try Try) bool {
	if !try.Restart {
		a.race.opener.logf("try %d at %v, gap %v", try.N, a.addr, try.Gap)
	}
	err := a.race.opener.Knock(ctx, a.addr, try)
	switch {
	case ctx.Err() != nil:
		return false
	case err == nil && try.Restart:
		return true
	case err == nil:
		a.sent, a.latestGap, a.latestKnock = try.N, try.Gap, time.Now()
		return true
	}
	a.race.opener.logf("%v: %v", a.addr, err)
	if a.sent == 0 {
		a.err = err
		close(a.gone)
		return false
	}
	return true
}

// connected reports whether one of the connects has got in and only its goroutine has not
// run yet. Then neither a knock nor another connect is of any use.
func (a *attempt) connected() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for w := range a.inFlight {
		if w.connected() {
			return true
		}
	}
	return false
}

// startConnect begins a handshake, within the limits. It returns a channel that is closed
// when that has ended, or nil if none has begun.
func (a *attempt) startConnect(ctx context.Context) (ended <-chan struct{}) {
	if a.connected() {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if most := a.race.opener.Connects; most > 0 && len(a.inFlight) >= most || !a.budget.connect() {
		return nil
	}
	w, done := new(witness), make(chan struct{})
	a.inFlight[w] = true
	opening := Opening{Addr: a.addr, Tries: a.sent, Gap: a.latestGap, Lag: time.Since(a.latestKnock)}
	elapsed := time.Since(a.budget.start)
	a.connects.Go(func() {
		a.connect(ctx, w, opening, elapsed)
		a.mu.Lock()
		delete(a.inFlight, w)
		a.mu.Unlock()
		close(done)
	})
	return done
}

// connect is one handshake, up to its end.
func (a *attempt) connect(over context.Context, w *witness, opening Opening, elapsed time.Duration) {
	start := time.Now()
	patience, end := a.patience(elapsed)
	defer end()
	ctx, cancel := context.WithTimeout(over, patience)
	defer cancel()
	dial := a.race.opener.dial
	if dial == nil {
		dial = a.race.opener.dialHedged
	}
	conn, err := dial(ctx, netip.AddrPortFrom(a.addr, a.race.port), w)
	switch {
	case err == nil:
		opening.Took = time.Since(start)
		a.mu.Lock()
		a.took = opening.Took // before the race ends, and with it the turn that tells it
		a.mu.Unlock()
		a.race.claim(win{conn, opening})
	case over.Err() != nil:
	case ctx.Err() != nil || err == errTimedOut:
		a.tell("silent", nil)
	default:
		a.tell(err.Error(), err)
	}
}

// patience is how long a connect may take that starts so long after the first try.
// The caller calls end when the connect has ended.
func (a *attempt) patience(elapsed time.Duration) (d time.Duration, end func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.race.opener.Connects > 0:
		return patienceOfFew(elapsed), func() {}
	case elapsed >= slow && !a.patient:
		a.patient = true
		return patience + elapsed, func() {
			a.mu.Lock()
			a.patient = false
			a.mu.Unlock()
		}
	}
	return patience, func() {}
}

// tell logs what came of a connect, where that is news, and keeps an answer for
// the error of the race.
func (a *attempt) tell(what string, answer error) {
	a.mu.Lock()
	_, local := errors.AsType[*LocalError](answer)
	if answer != nil && (!local || a.answer == nil) { // what the host says counts for more
		a.answer = answer
	}
	news := a.told != what
	a.told = what
	a.mu.Unlock()
	if news {
		a.race.opener.logf("%v port %d: still shut: %s", a.addr, a.race.port, what)
	}
}

// sleep waits for d and reports whether ctx lasted as long.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (o *Opener) logf(format string, args ...any) {
	if o.Logf != nil {
		o.Logf(format, args...)
	}
}
