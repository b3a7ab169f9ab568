package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The demo starts itself in namespaces, as parts of the story.
func TestMain(m *testing.M) {
	if code, ok := part(context.Background(), os.Args); ok {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// clientHost is where the client of the story with nftables comes from.
const clientHost = "192.0.2.1"

// TestDemo runs the whole story, with a door that is not open for long.
func TestDemo(t *testing.T) {
	for _, name := range []string{"ssh", "go"} {
		t.Run(name, func(t *testing.T) {
			path := ""
			if name == "ssh" {
				if path = lookSSH(); path == "" {
					t.Skip("skipping, ssh is not in PATH")
				}
			}
			var out bytes.Buffer
			if err := run(t.Context(), &out, 500*time.Millisecond, path); err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			rest := out.String()
			wants := []string{
				"Host tango", "1. Shut", "refused",
				"2. Open", "knock 1 of 4", "knock 4 of 4", "door open for 127.0.0.1", "hello demo", "door shut", farewell,
				"3. Shut again", "refused",
				"4. Open by a one-time token", "token from 127.0.0.1", "door open for 127.0.0.1", "hello demo", farewell,
				"5. Shut", "token from 127.0.0.1, but it was used before", "refused",
				"the server saw 2 connections for 2 sessions",
			}
			if _, why, not := strings.Cut(out.String(), "Not shown with nftables"); not {
				t.Logf("without nftables%s", why)
				if os.Getenv("CI") == "true" && runtime.GOOS == "linux" {
					t.Error("no part may be left out in CI")
				}
			} else {
				wants = append(wants,
					"6. Shut", "refused", "7. Open by a one-time token", "hello demo, you come from "+clientHost, farewell,
					"8. Shut", "tokens that opened: 1; used before: 2 more", "refused", "Done: ")
			}
			for _, want := range wants {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("%q is missing or out of order in\n%s", want, &out)
				}
				rest = after
			}
		})
	}
}

const knocker = "127.0.0.1"

func TestGateOrder(t *testing.T) {
	tests := []struct {
		knocks string // 1 to 4
		gap    time.Duration
		open   bool
	}{
		{"", time.Second, false},
		{"4", time.Second, false},
		{"123", time.Second, false},
		{"4321", time.Second, false},
		{"1324", time.Second, false},
		{"1324", 2 * sameTime, false},
		{"1234", 2100 * time.Millisecond, false},
		{"4321432143214321", 700 * time.Millisecond, false},

		{"1234", 1900 * time.Millisecond, true},
		{"1234", 0, true},
		{"3142", sameTime / 10, true}, // no order to go by
		{"11223344", time.Second / 2, true},
		{"12123344", time.Second / 2, true},
		{"12134", time.Second / 2, true},
		{"4321432143214321", time.Second / 2, true}, // as with nftables
	}
	for _, tt := range tests {
		g := newGate(t)
		at := time.Now()
		for _, k := range tt.knocks {
			g.knock(knocker, int(k-'1'), at)
			at = at.Add(tt.gap)
		}
		if got := g.letsIn(); got != tt.open {
			t.Errorf("%s, %v apart: open is %v, want %v; the gate said\n%s", tt.knocks, tt.gap, got, tt.open, g.log())
		}
	}
}

// TestGateOthers has one address knock and another one connect.
func TestGateOthers(t *testing.T) {
	g := newGate(t)
	for i := range g.listeners {
		g.knock("192.0.2.7", i, time.Now())
	}
	if g.letsIn() {
		t.Error("an address that did not knock got in")
	}
}

// TestGateBackToBack knocks faster than the listeners can tell apart.
func TestGateBackToBack(t *testing.T) {
	g := newGate(t)
	deadline := time.Now().Add(10 * time.Second)
	for !g.letsIn() {
		if time.Now().After(deadline) {
			t.Fatalf("still shut; the gate said\n%s", g.log())
		}
		for _, l := range g.listeners {
			conn, err := net.Dial("tcp4", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
		}
	}
}

// TestGateScan goes through the gate's ports in order, again and again, as a port scan
// does.
func TestGateScan(t *testing.T) {
	g := newGate(t)
	ports := slices.Concat(g.listeners, g.decoys)
	slices.SortFunc(ports, func(a, b net.Listener) int {
		return a.Addr().(*net.TCPAddr).Port - b.Addr().(*net.TCPAddr).Port
	})
	for range 8 {
		for _, l := range ports {
			conn, err := net.Dial("tcp4", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
			time.Sleep(2 * sameTime) // so that the knocks have an order
		}
	}
	if g.letsIn() {
		t.Errorf("a scan has opened the gate, which said\n%s", g.log())
	}
}

// A testGate is a gate to a server that says "in" and no more.
type testGate struct {
	*gate
	mu   sync.Mutex
	said strings.Builder
}

func newGate(t *testing.T) *testGate {
	t.Helper()
	s := &site{}
	if err := s.listen(4); err != nil {
		t.Fatal(err)
	}
	g := &testGate{}
	g.gate = &gate{
		listeners: s.knocks,
		decoys:    s.decoys,
		service:   s.service,
		stay:      time.Minute,
		serve: func(conn net.Conn, _ <-chan struct{}) {
			io.WriteString(conn, "in")
			conn.Close()
		},
		logf: func(format string, args ...any) {
			g.mu.Lock()
			defer g.mu.Unlock()
			fmt.Fprintf(&g.said, format+"\n", args...)
		},
	}
	g.run()
	t.Cleanup(g.close)
	return g
}

// letsIn reports whether the gate serves a connection from knocker.
func (g *testGate) letsIn() bool {
	conn, err := net.Dial("tcp4", g.service.String())
	if err != nil {
		return false
	}
	defer conn.Close()
	data, _ := io.ReadAll(conn)
	return string(data) == "in"
}

func (g *testGate) log() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.said.String()
}
