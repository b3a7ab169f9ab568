package proxy

import (
	"cmp"
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurns drives an Opener through the possible results of its wait for a turn.
func TestTurns(t *testing.T) {
	var ended []time.Duration // what the turns of this process were ended with
	mine := Turn{End: func(took time.Duration) { ended = append(ended, took.Round(ms)) }}
	tests := []struct {
		name   string
		turns  []Turn        // what the waits bring, each after a second; then they block
		open   bool          // the other process's knock opens the door for this one too
		lost   int           // packets
		knocks bool          // it has to knock; else the port gets a connect, and one for each packet lost
		want   time.Duration // when it is in
		ended  []time.Duration
	}{
		{"nobody else knocks", []Turn{mine}, false, 0, true, 1050 * ms, []time.Duration{50 * ms}},
		{"another is in", []Turn{{Took: 50 * ms}}, true, 0, false, 1050 * ms, nil},
		{"another is in, and a packet is lost", []Turn{{Took: 50 * ms}}, true, 1, false, 1110 * ms, nil},
		{"another is in, but only that one", []Turn{{Took: 50 * ms}, mine}, false, 0, true, 2170 * ms, []time.Duration{50 * ms}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ended = nil
				lost := 0
				s := &sim{delay: fixed(25 * ms), knocks: 4, open: tt.open, lost: func() bool { lost++; return lost <= tt.lost }}
				opener := hosts(map[netip.Addr]*sim{v4: s})
				waits := 0
				opener.Turn = func(ctx context.Context, to netip.Addr) Turn {
					if waits++; waits > len(tt.turns) {
						<-ctx.Done()
						return Turn{}
					}
					time.Sleep(time.Second)
					return tt.turns[waits-1]
				}
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
				defer cancel()
				if _, _, err := opener.open(ctx, []netip.Addr{v4}, 22); err != nil {
					t.Fatalf("Open: %v", err)
				}
				took := time.Since(start)
				synctest.Wait()
				if took.Round(ms) != tt.want {
					t.Errorf("in after %v, want %v", took, tt.want)
				}
				if knocked := len(s.sent) > 0; knocked != tt.knocks {
					t.Errorf("knocked: got %v, want %v", knocked, tt.knocks)
				}
				if !tt.knocks && len(s.dialled) != 1+tt.lost {
					t.Errorf("%d connects to a port that is known to be open, want %d", len(s.dialled), 1+tt.lost)
				}
				if len(ended) != len(tt.ended) || len(ended) > 0 && ended[0] != tt.ended[0] {
					t.Errorf("turns ended with %v, want %v", ended, tt.ended)
				}
				checkOne(t, map[netip.Addr]*sim{v4: s})
			})
		})
	}
}

// TestFollowInVain lets another process in only: this one has to knock all the same, and
// soon.
func TestFollowInVain(t *testing.T) {
	for _, tt := range []struct {
		name     string
		took     time.Duration // by the other one's connect
		refuse   bool          // the port answers
		connects int
		timeout  time.Duration
		want     time.Duration
	}{
		{name: "silent", took: 50 * ms, want: 170 * ms},
		{name: "refused", took: 50 * ms, refuse: true, want: 100 * ms},
		{name: "few connects", took: 50 * ms, connects: 1, want: 170 * ms},
		{name: "after a slow connect", took: 2 * time.Second, want: 950 * ms},
		{name: "little time", took: 500 * ms, timeout: 2 * time.Second, want: 550 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sim{delay: fixed(25 * ms), knocks: 4, refuse: tt.refuse}
				opener := hosts(map[netip.Addr]*sim{v4: s})
				opener.Connects = tt.connects
				followed := false
				opener.Turn = func(ctx context.Context, to netip.Addr) Turn {
					if followed {
						return Turn{End: func(time.Duration) {}}
					}
					followed = true
					return Turn{Took: tt.took}
				}
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(tt.timeout, 8*time.Second))
				defer cancel()
				if _, _, err := opener.open(ctx, []netip.Addr{v4}, 22); err != nil {
					t.Fatalf("Open: %v", err)
				}
				if took := time.Since(start); took < tt.want || took > tt.want+10*ms {
					t.Errorf("in after %v, want %v", took, tt.want)
				}
				synctest.Wait()
				checkOne(t, map[netip.Addr]*sim{v4: s})
			})
		})
	}
}

// TestTurnEnds gives the turn to others when the door stays shut for long.
func TestTurnEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sim{delay: fixed(25 * ms), knocks: 4, opening: time.Hour}
		opener := hosts(map[netip.Addr]*sim{v4: s})
		var ended []time.Duration
		opener.Turn = func(context.Context, netip.Addr) Turn {
			start := time.Now()
			return Turn{End: func(took time.Duration) {
				ended = append(ended, took.Round(ms))
				if had, most := time.Since(start), LongestTurn(4, 0); had > most {
					t.Errorf("a turn took %v, want at most %v", had, most)
				}
			}}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		if _, _, err := opener.open(ctx, []netip.Addr{v4}, 22); err == nil {
			t.Fatal("Open = nil, want an error")
		}
		if len(ended) < 2 || len(ended) > 4 {
			t.Errorf("%d turns in 8s, want one for some 2s", len(ended))
		}
		for _, took := range ended {
			if took != 0 {
				t.Errorf("a turn ended with %v, want 0 as nobody is in", took)
			}
		}
	})
}

// TestKeepTurn gives the turn to nobody before the time is up.
func TestKeepTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opener := hosts(map[netip.Addr]*sim{v4: {delay: fixed(25 * ms), knocks: 4, opening: time.Hour}})
		opener.KeepTurn = true
		start := time.Now()
		var ended []time.Duration
		opener.Turn = func(context.Context, netip.Addr) Turn {
			return Turn{End: func(time.Duration) { ended = append(ended, time.Since(start)) }}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		if _, _, err := opener.open(ctx, []netip.Addr{v4}, 22); err == nil {
			t.Fatal("Open = nil, want an error")
		}
		if len(ended) != 1 || ended[0] != 8*time.Second {
			t.Errorf("turns ended after %v, want one after 8s", ended)
		}
	})
}

// TestNoTurn distinguishes a door that stays shut from one that others kept busy.
func TestNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opener := hosts(map[netip.Addr]*sim{v4: {delay: fixed(25 * ms), knocks: 4}})
		opener.Turn = func(ctx context.Context, _ netip.Addr) Turn {
			<-ctx.Done()
			return Turn{}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := opener.open(ctx, []netip.Addr{v4}, 22); err != ErrNoTurn {
			t.Errorf("Open = %v, want %v", err, ErrNoTurn)
		}
	})
}
