package proxy

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// An activity counts the calls of an Opener's funcs that are under way, and the turns
// that are held. Once it is over, every new one is an error.
type activity struct {
	t     *testing.T
	mu    sync.Mutex
	over  bool
	calls map[string]int
	tries map[netip.Addr][]int // Try.N of each
}

func (a *activity) begin(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		a.t.Errorf("%s after Open has returned", what)
	}
	a.calls[what]++
}

func (a *activity) end(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls[what]--
}

// watch has an Opener tell of what it calls. Each call takes a moment to notice that
// its context has ended, as one of a real network does.
func watch(t *testing.T, o *Opener) *activity {
	a := &activity{t: t, calls: make(map[string]int), tries: make(map[netip.Addr][]int)}
	knock, turn, dial := o.Knock, o.Turn, o.dial
	notice := func(ctx context.Context) {
		if ctx.Err() != nil {
			time.Sleep(time.Microsecond)
		}
	}
	o.Knock = func(ctx context.Context, to netip.Addr, try Try) error {
		a.begin("Knock")
		defer a.end("Knock")
		defer notice(ctx)
		a.mu.Lock()
		if !try.Restart {
			a.tries[to] = append(a.tries[to], try.N)
		}
		a.mu.Unlock()
		return knock(ctx, to, try)
	}
	if turn != nil {
		o.Turn = func(ctx context.Context, to netip.Addr) Turn {
			a.begin("Turn")
			defer a.end("Turn")
			defer notice(ctx)
			turn := turn(ctx, to)
			if end := turn.End; end != nil {
				a.begin("a turn's time")
				turn.End = func(took time.Duration) {
					defer a.end("a turn's time")
					end(took)
				}
			}
			return turn
		}
	}
	o.dial = func(ctx context.Context, to netip.AddrPort, w *witness) (net.Conn, error) {
		a.begin("a connect")
		defer a.end("a connect")
		defer notice(ctx)
		return dial(ctx, to, w)
	}
	o.Logf = func(string, ...any) {
		a.begin("Logf")
		defer a.end("Logf")
	}
	return a
}

// close says that Open has returned: nothing of it may be under way.
func (a *activity) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	for what, n := range a.calls {
		if n != 0 {
			a.t.Errorf("%s is under way %d times when Open returns, want none", what, n)
		}
	}
}

// TestNothingAfterOpen opens, or gives up, in the middle of all that an Opener does:
// knocks with gaps, connects to silent hosts, turns that are held and waited for.
func TestNothingAfterOpen(t *testing.T) {
	far := func() *sim { return &sim{delay: fixed(25 * ms), knocks: 4} }
	shut := func() *sim { return &sim{delay: fixed(25 * ms), knocks: 4, opening: time.Hour} }
	ended := func(time.Duration) {}
	turns := map[string]TurnFunc{
		"no turns":  nil,
		"own turns": func(context.Context, netip.Addr) Turn { return Turn{End: ended} },
		"a turn at the last moment": func(ctx context.Context, to netip.Addr) Turn {
			if to == v6 {
				<-ctx.Done()
			}
			return Turn{End: ended}
		},
		"no turn for one": func(ctx context.Context, to netip.Addr) Turn {
			if to == v6 {
				<-ctx.Done()
				return Turn{}
			}
			return Turn{End: ended}
		},
	}
	for name, turn := range turns {
		for what, two := range map[string]func() map[netip.Addr]*sim{
			"open": func() map[netip.Addr]*sim { return map[netip.Addr]*sim{v6: shut(), v4: far()} },
			"shut": func() map[netip.Addr]*sim { return map[netip.Addr]*sim{v6: shut(), v4: shut()} },
		} {
			for _, gap := range []time.Duration{0, 300 * ms} {
				t.Run(fmt.Sprintf("%s, %s, gap %v", name, what, gap), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						sims := two()
						opener := hosts(sims)
						opener.Turn = turn
						opener.Pace = func(netip.Addr) Pace { return Pace{Gap: gap} }
						activity := watch(t, opener)
						ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
						defer cancel()
						start := time.Now()
						_, _, err := opener.open(ctx, addrsOf(sims), 22)
						activity.close()
						if got := err == nil; got != (what == "open") {
							t.Errorf("open = %v", err)
						}
						if took := time.Since(start); took > 5*time.Second+ms {
							t.Errorf("it returned after %v, and the time was up after 5s", took)
						}
						time.Sleep(10 * time.Second) // for whatever may be left
						for addr, tries := range activity.tries {
							for i, n := range tries {
								if n != i+1 {
									t.Errorf("%v: the tries are numbered %v, want 1, 2, 3 ...", addr, tries)
									break
								}
							}
						}
					})
				})
			}
		}
	}
}

// TestTryNumbers counts only tries that could leave.
func TestTryNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sim{delay: fixed(25 * ms), knocks: 4, opening: 300 * ms}
		opener := hosts(map[netip.Addr]*sim{v4: s})
		knock := opener.Knock
		var got []int
		opener.Knock = func(ctx context.Context, to netip.Addr, try Try) error {
			got = append(got, try.N)
			if len(got) == 2 || len(got) == 3 {
				return errSim
			}
			return knock(ctx, to, try)
		}
		_, opening, err := opener.open(t.Context(), []netip.Addr{v4}, 22)
		if err != nil {
			t.Fatal(err)
		}
		if want := []int{1, 2, 2, 2, 3}; len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
			t.Errorf("the tries are numbered %v, want %v ...", got, want)
		}
		if opening.Tries > got[len(got)-1] {
			t.Errorf("try %d has opened it, and only %d were sent", opening.Tries, got[len(got)-1])
		}
	})
}

// TestOpenLeavesNoGoroutine does it with real connects, while another address waits for
// its turn.
func TestOpenLeavesNoGoroutine(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	to := netip.MustParseAddrPort(listener.Addr().String())
	opener := &Opener{
		Knock:  func(context.Context, netip.Addr, Try) error { return nil },
		Knocks: 4,
		Turn: func(ctx context.Context, at netip.Addr) Turn {
			if at != to.Addr() {
				<-ctx.Done()
			}
			return Turn{End: func(time.Duration) {}}
		},
	}
	before := runtime.NumGoroutine()
	conn, _, err := opener.Open(t.Context(), []netip.Addr{v6, to.Addr()}, to.Port())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// A goroutine whose work is done takes a moment to be gone.
	for deadline := time.Now().Add(100 * ms); runtime.NumGoroutine() > before; time.Sleep(ms) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 64<<10)
			t.Fatalf("%d goroutines, and %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}
