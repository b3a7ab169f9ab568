package proxy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

var (
	v4 = netip.MustParseAddr("198.51.100.2")
	v6 = netip.MustParseAddr("2001:db8::2")
)

const ms = time.Millisecond

func TestOpenStaysShut(t *testing.T) {
	tests := []struct {
		name  string
		hosts map[netip.Addr]*sim
		want  string
		after time.Duration
	}{
		{"silent", map[netip.Addr]*sim{v4: {delay: fixed(25 * ms), knocks: 4, opening: time.Hour}},
			"4 knocks sent 18 times to 198.51.100.2, port 22 silent for 8s", 8 * time.Second},
		{"refused", map[netip.Addr]*sim{v4: {delay: fixed(25 * ms), knocks: 4, opening: time.Hour, refuse: true}},
			"4 knocks sent 18 times to 198.51.100.2, port 22 refused for 8s", 8 * time.Second},
		{"no route", map[netip.Addr]*sim{v4: {knocks: 4, locally: errSim}},
			"198.51.100.2: network is unreachable", 0},
		{"no route, both families", map[netip.Addr]*sim{v4: {knocks: 4, locally: errSim}, v6: {knocks: 4, locally: errSim}},
			"2001:db8::2: network is unreachable", 0},
		{"one silent, one without route", map[netip.Addr]*sim{v4: {delay: fixed(25 * ms), knocks: 4, opening: time.Hour}, v6: {knocks: 4, locally: errSim}},
			"4 knocks sent 18 times to 198.51.100.2, port 22 silent for 8s", 8 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
				defer cancel()
				conn, _, err := hosts(tt.hosts).open(ctx, addrsOf(tt.hosts), 22)
				if err == nil {
					t.Fatalf("Open = %v, want an error", conn)
				}
				if err.Error() != tt.want {
					t.Errorf("Open's error is %q, want %q", err, tt.want)
				}
				if got := time.Since(start); got != tt.after {
					t.Errorf("Open gave up after %v, want %v", got, tt.after)
				}
			})
		})
	}
}

// addrsOf lists IPv6 first, as a resolver does.
func addrsOf(hosts map[netip.Addr]*sim) (addrs []netip.Addr) {
	for _, addr := range []netip.Addr{v6, v6.Next(), v6.Next().Next(), v4} {
		if hosts[addr] != nil {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

func TestOpen(t *testing.T) {
	far := func() *sim { return &sim{delay: fixed(25 * ms), knocks: 4} }
	dead := func() *sim { return &sim{delay: fixed(25 * ms), knocks: 4, opening: time.Hour} }
	tests := []struct {
		name  string
		hosts map[netip.Addr]*sim
		want  time.Duration
	}{
		{"a clean link costs one round trip", map[netip.Addr]*sim{v4: far()}, 50 * ms},
		{"a refusal is not the end", map[netip.Addr]*sim{v4: {delay: fixed(25 * ms), knocks: 4, opening: 10 * ms, refuse: true}}, 64 * ms},
		{"an unreachable family costs nothing", map[netip.Addr]*sim{v6: {knocks: 4, locally: errSim}, v4: far()}, 50 * ms},
		{"a silent address costs its head start", map[netip.Addr]*sim{v6: dead(), v4: far()}, headStart + 50*ms},
		{"so do three of the same family", map[netip.Addr]*sim{v6: dead(), v6.Next(): dead(), v6.Next().Next(): dead(), v4: far()}, headStart + 50*ms},
		{"a link slower than the first patience", map[netip.Addr]*sim{v4: {delay: fixed(600 * ms), knocks: 4}}, 2507 * ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
				defer cancel()
				if _, _, err := hosts(tt.hosts).open(ctx, addrsOf(tt.hosts), 22); err != nil {
					t.Fatalf("Open: %v", err)
				}
				if got := time.Since(start).Round(ms); got != tt.want {
					t.Errorf("open after %v, want %v", got, tt.want)
				}
				synctest.Wait()
				checkOne(t, tt.hosts)
			})
		})
	}
}

// checkOne checks the first law: of all handshakes that completed, one is kept.
func checkOne(t *testing.T, hosts map[netip.Addr]*sim) {
	t.Helper()
	kept := 0
	for _, s := range hosts {
		kept += s.kept()
	}
	if kept != 1 {
		t.Errorf("%d connections were kept, want 1", kept)
	}
}

// TestOpenReordered draws a thousand bad links. Open must get through each, with one
// connection.
func TestOpenReordered(t *testing.T) {
	for seed := range uint64(1000) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			jitter := func() time.Duration { return 25*ms + time.Duration(random.Int64N(int64(20*ms))) }
			s := &sim{delay: jitter, knocks: 4, refuse: seed%2 == 0, opening: time.Duration(seed%3) * 20 * ms}
			ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
			defer cancel()
			one := map[netip.Addr]*sim{v4: s}
			if _, _, err := hosts(one).open(ctx, []netip.Addr{v4}, 22); err != nil {
				t.Fatalf("seed %d: Open: %v", seed, err)
			}
			synctest.Wait()
			checkOne(t, one)
		})
	}
}

// TestOpenStrict draws a thousand links that reorder and lose, before a knockd: 95 of 100
// are through in the time that the second paced try takes, also where a second door
// shuts the port again.
func TestOpenStrict(t *testing.T) {
	for name, doors := range map[string][][]int{"knockd": {{0, 1, 2, 3}}, "mirrored": {{0, 1, 2, 3}, {3, 2, 1, 0}}} {
		t.Run(name, func(t *testing.T) {
			const links = 1000
			late := 0
			for seed := range uint64(links) {
				synctest.Test(t, func(t *testing.T) {
					random := rand.New(rand.NewPCG(seed, 0))
					s := &sim{
						delay:  func() time.Duration { return 20*ms + time.Duration(random.Int64N(int64(10*ms))) },
						lost:   func() bool { return random.Float64() < 0.02 },
						knocks: 4,
						knockd: &simKnockd{doors: doors, timeout: 5 * time.Second, poll: 47 * ms,
							start: time.Now().Add(-time.Duration(random.Int64N(int64(47 * ms))))},
					}
					ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
					defer cancel()
					one := map[netip.Addr]*sim{v4: s}
					if _, _, err := hosts(one).open(ctx, []netip.Addr{v4}, 22); err != nil {
						t.Fatalf("seed %d: Open: %v", seed, err)
					}
					if time.Since(s.start) > 280*ms {
						late++
					}
					synctest.Wait()
					checkOne(t, one)
				})
			}
			if t.Logf("%d of %d are late", late, links); late > links/20 {
				t.Errorf("%d of %d links took more than 280 ms, want one in twenty at most", late, links)
			}
		})
	}
}

// TestOpenBudget counts what a host that never answers gets to see in the first
// second: whoever sends much more is taken for an attacker. It is the same for each
// of two addresses, at any pace, and after a wait for a turn. The connects are not
// all spent early.
func TestOpenBudget(t *testing.T) {
	wait := func(context.Context, netip.Addr) Turn {
		time.Sleep(3 * time.Second)
		return Turn{End: func(time.Duration) {}}
	}
	tests := []struct {
		name        string
		pace        Pace
		turn        TurnFunc
		knocks      int           // of the sequence
		least, most int           // knocks
		dials       int           // at the least
		silent      time.Duration // the longest without a connect
	}{
		{"schedule", Pace{}, nil, 4, 36, 40, 18, 400 * ms},
		{"after a turn", Pace{}, wait, 4, 36, 40, 18, 400 * ms},
		{"long, after a turn", Pace{}, wait, 8, 30, 40, 12, 600 * ms},
		{"remembered", Pace{Gap: 7 * ms, Rest: 110 * ms}, nil, 4, 20, 40, 18, 400 * ms},
		{"remembered, far", Pace{Gap: 7 * ms, Rest: 260 * ms}, nil, 4, 12, 40, 18, 300 * ms},
		{"remembered, half done", Pace{Gap: 15 * ms, Rest: 110 * ms, Restart: true}, nil, 4, 16, 40, 14, 400 * ms},
		{"remembered, long, half done", Pace{Gap: 7 * ms, Rest: 110 * ms, Restart: true}, nil, 38, 36, 40, 10, 900 * ms},
		{"remembered, after a turn", Pace{Gap: 7 * ms, Rest: 110 * ms}, wait, 8, 24, 40, 16, 400 * ms},
		{"KnockDelay 20", Pace{Gap: 20 * ms}, nil, 4, 16, 40, 8, 400 * ms},
		{"KnockDelay 100", Pace{Gap: 100 * ms}, nil, 4, 7, 40, 1, 600 * ms},
		{"slow", Pace{Gap: ms, Rest: 400 * ms, Every: 20 * ms}, nil, 1, 2, 40, 20, 600 * ms},
		{"one packet", Pace{Single: true}, nil, 1, 9, 40, 18, 400 * ms},
		{"one packet, whatever the gap", Pace{Single: true, Gap: 20 * ms}, wait, 1, 9, 40, 18, 400 * ms},
		{"one packet, few", Pace{Single: true, Few: true}, nil, 1, 2, 4, 18, 200 * ms},
		{"few", Pace{Few: true}, nil, 4, 14, 20, 18, 200 * ms},
		{"few, remembered", Pace{Few: true, Gap: 30 * ms, Rest: 110 * ms}, nil, 4, 8, 20, 10, 250 * ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				two := map[netip.Addr]*sim{}
				for _, addr := range []netip.Addr{v4, v6} {
					two[addr] = &sim{delay: fixed(25 * ms), knocks: tt.knocks, opening: time.Hour}
				}
				opener := hosts(two)
				opener.Knocks, opener.Turn = tt.knocks, tt.turn
				opener.Pace = func(netip.Addr) Pace { return tt.pace }
				ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
				defer cancel()
				var shut *ShutError
				if _, _, err := opener.open(ctx, addrsOf(two), 22); !errors.As(err, &shut) {
					t.Fatalf("Open = %v, want a ShutError", err)
				}
				for addr, s := range two {
					knocks, dials := firstSecond(s.sent, s.sent[0]), firstSecond(s.dialled, s.sent[0])
					if got := len(knocks); got < tt.least || got > tt.most {
						t.Errorf("%v: %d knocks in the first second, want %d to %d", addr, got, tt.least, tt.most)
					}
					if got := len(dials); got < tt.dials || got > 24 {
						t.Errorf("%v: %d connects in the first second, want %d to 24", addr, got, tt.dials)
					}
					for i := range len(dials) - 1 {
						if gap := dials[i+1] - dials[i]; gap > tt.silent {
							t.Errorf("%v: no connect between %v and %v", addr, dials[i], dials[i+1])
						}
					}
					if gap := s.sent[0] + time.Second - dials[len(dials)-1]; gap > tt.silent {
						t.Errorf("%v: no connect for the last %v of the first second", addr, gap)
					}
				}
			})
		})
	}
}

// TestOpenRestartInRest has a restart leave within the rest that the pace asks for: the
// next try comes no later for it, and no sooner than the answer to the one before.
func TestOpenRestartInRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sim{delay: fixed(25 * ms), knocks: 4, opening: time.Hour}
		opener := hosts(map[netip.Addr]*sim{v4: s})
		opener.Pace = func(netip.Addr) Pace { return Pace{Gap: 7 * ms, Rest: 110 * ms} }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := opener.open(ctx, []netip.Addr{v4}, 22); err == nil {
			t.Fatal("Open = nil, want an error")
		}
		first, restart, second := s.sent[3], s.sent[4:6], s.sent[6]
		if got := second - first; got != 110*ms || restart[0] >= second-10*ms {
			t.Errorf("after the first try, the restart came %v later and the second try %v, want at most 100ms and 110ms", restart[0]-first, got)
		}
	})
}

// TestOpenFew opens a late door behind a slow link with as few tries as possible: one is
// enough.
func TestOpenFew(t *testing.T) {
	for _, delay := range []time.Duration{ms, 25 * ms, 150 * ms} {
		for _, opening := range []time.Duration{0, 6 * ms, 53 * ms} {
			synctest.Test(t, func(t *testing.T) {
				s := &sim{delay: fixed(delay), knocks: 4, opening: opening}
				opener := hosts(map[netip.Addr]*sim{v4: s})
				opener.Pace = func(netip.Addr) Pace { return Pace{Few: true} }
				_, how, err := opener.open(t.Context(), []netip.Addr{v4}, 22)
				if err != nil {
					t.Fatal(err)
				}
				if how.Tries != 1 || len(s.sent) != 4 {
					t.Errorf("a delay of %v, open after %v: %d tries, %d knocks, want 1 and 4", delay, opening, how.Tries, len(s.sent))
				}
			})
		}
	}
}

// firstSecond returns those of the times that are in the second from start on.
func firstSecond(times []time.Duration, start time.Duration) []time.Duration {
	return slices.DeleteFunc(slices.Clone(times), func(d time.Duration) bool { return d >= start+time.Second })
}

// TestOpenBounds counts what a Pace and Tries leave of the schedule.
func TestOpenBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sim{delay: fixed(25 * ms), knocks: 4, opening: time.Hour}
		opener := hosts(map[netip.Addr]*sim{v4: s})
		opener.Pace, opener.Tries = func(netip.Addr) Pace { return Pace{Gap: 40 * ms} }, 3
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		_, _, err := opener.open(ctx, []netip.Addr{v4}, 22)
		if want := "4 knocks sent 3 times to 198.51.100.2, port 22 silent for 8s"; err == nil || err.Error() != want {
			t.Errorf("Open = %v, want %v", err, want)
		}
		if got, want := len(s.sent), 4+6+6; got != want { // the second and third are restarts
			t.Errorf("%d knocks were sent, want %d", got, want)
		}
		for i := range len(s.sent) - 1 {
			if gap := s.sent[i+1] - s.sent[i]; gap < 40*ms {
				t.Errorf("knocks %d and %d are %v apart, want 40ms or more", i, i+1, gap)
			}
		}
		if last := s.dialled[len(s.dialled)-1]; last < 7*time.Second {
			t.Errorf("the last connect was after %v, want the connects to go on", last)
		}
	})
}

// TestOpenLongSequence counts what the first second leaves of the schedule for a
// sequence longer than four: the first try is sent, whatever its length.
func TestOpenLongSequence(t *testing.T) {
	for _, tt := range []struct{ knocks, least, most int }{
		{64, 64, 64}, {30, 30, 40}, {13, 26, 40}, {8, 30, 40}, {5, 30, 40}, {4, 36, 40}, {1, 8, 14},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &sim{delay: fixed(25 * ms), knocks: tt.knocks, opening: time.Hour}
			opener := hosts(map[netip.Addr]*sim{v4: s})
			opener.Knocks = tt.knocks
			ctx, cancel := context.WithTimeout(t.Context(), time.Second-ms)
			defer cancel()
			if _, _, err := opener.open(ctx, []netip.Addr{v4}, 22); err == nil {
				t.Fatal("Open = nil, want an error")
			}
			if got := len(s.sent); got < tt.least || got > tt.most {
				t.Errorf("%d knocks: %d were sent in the first second, want %d to %d", tt.knocks, got, tt.least, tt.most)
			}
			if got := len(s.dialled); got > 24 || got < 8 {
				t.Errorf("%d knocks: %d connects in the first second, want 8 to 24", tt.knocks, got)
			}
		})
	}
}

// TestOpenConnects counts the connects that overlap.
func TestOpenConnects(t *testing.T) {
	for _, limit := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			s := &sim{delay: fixed(25 * ms), knocks: 4, opening: 3 * time.Second}
			opener := hosts(map[netip.Addr]*sim{v4: s})
			opener.Connects = limit
			running, most := 0, 0
			dial := opener.dial
			opener.dial = func(ctx context.Context, to netip.AddrPort, w *witness) (net.Conn, error) {
				s.mu.Lock()
				running++
				most = max(most, running)
				s.mu.Unlock()
				defer func() {
					s.mu.Lock()
					running--
					s.mu.Unlock()
				}()
				return dial(ctx, to, w)
			}
			if _, _, err := opener.open(t.Context(), []netip.Addr{v4}, 22); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if most != limit {
				t.Errorf("%d connects overlapped, want %d", most, limit)
			}
		})
	}
}

// TestOpenAtTheLastMoment lets the port open in the moment of the deadline: the
// connection is either the session or closed, never lost.
func TestOpenAtTheLastMoment(t *testing.T) {
	for i := range 20 {
		synctest.Test(t, func(t *testing.T) {
			s := &sim{delay: fixed(25 * ms), knocks: 1}
			ctx, cancel := context.WithTimeout(t.Context(), 50*ms)
			defer cancel()
			one := map[netip.Addr]*sim{v4: s}
			conn, _, err := hosts(one).open(ctx, []netip.Addr{v4}, 22)
			synctest.Wait()
			want := 0
			if err == nil {
				want = 1
			}
			if got := s.kept(); got != want {
				t.Errorf("run %d: Open = %v, %v and %d connections were kept, want %d", i, conn, err, got, want)
			}
		})
	}
}

func TestOpenTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := map[netip.Addr]*sim{v4: {delay: fixed(25 * ms), knocks: 4, opening: 10 * ms, refuse: true}}
		opener := hosts(one)
		var mu sync.Mutex
		var told strings.Builder
		opener.Logf = func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(&told, format+"\n", args...)
		}
		if _, _, err := opener.open(t.Context(), []netip.Addr{v4}, 22); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, want := range []string{"try 1 at 198.51.100.2, gap 0s", "try 5 at 198.51.100.2, gap 7ms", "port 22: still shut: connection refused"} {
			if !strings.Contains(told.String(), want) {
				t.Errorf("the log lacks %q:\n%s", want, told.String())
			}
		}
	})
}

func TestShutError(t *testing.T) {
	tests := []struct {
		tries  []Tries
		want   string
		silent bool
	}{
		{[]Tries{{v4, 1, nil}}, "4 knocks sent once to 198.51.100.2, port 22 silent for 8s", true},
		{[]Tries{{v4, 2, syscall.ECONNREFUSED}}, "4 knocks sent 2 times to 198.51.100.2, port 22 refused for 8s", false},
		{[]Tries{{v4, 8, syscall.EHOSTUNREACH}}, "4 knocks sent 8 times to 198.51.100.2, port 22 answered no route to host for 8s", false},
		{[]Tries{{v6, 9, nil}, {v4, 8, syscall.EHOSTUNREACH}},
			"4 knocks sent 9 times to 2001:db8::2, port 22 silent; 4 knocks sent 8 times to 198.51.100.2, port 22 answered no route to host for 8s", false},
	}
	for _, tt := range tests {
		err := &ShutError{Knocks: 4, Tries: tt.tries, Port: 22, After: 8 * time.Second}
		if got := err.Error(); got != tt.want {
			t.Errorf("Error() = %q, want %q", got, tt.want)
		}
		if got, want := err.Unreachable(), strings.HasSuffix(tt.want, "route to host for 8s") && len(tt.tries) == 1; got != want {
			t.Errorf("%q: Unreachable() = %v, want %v", err, got, want)
		}
		if got := err.Silent(); got != tt.silent {
			t.Errorf("%q: Silent() = %v, want %v", err, got, tt.silent)
		}
	}
}
