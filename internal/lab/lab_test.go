//go:build linux

package lab

import (
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

// moment is how long a test waits for what should not come.
const moment = 100 * time.Millisecond

// greet connects to a Banner and returns what it says.
func greet(h *Host, addr netip.Addr, port uint16) (string, error) {
	conn, err := h.Dial("tcp", netip.AddrPortFrom(addr, port).String(), moment)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	line := make([]byte, len("SSH-2.0-bench\r\n"))
	_, err = io.ReadFull(conn, line)
	return string(line), err
}

func TestCable(t *testing.T) {
	l := New(t)
	banner := l.Server.Banner(t, 22)
	for _, addr := range []netip.Addr{l.Server.IP4, l.Server.IP6} {
		if got, err := greet(l.Client, addr, 22); err != nil || got != "SSH-2.0-bench\r\n" {
			t.Errorf("%v: got %q, %v, want a banner", addr, got, err)
		}
	}
	if got, want := banner.Accepted(), 2; got != want {
		t.Errorf("got %d accepted, want %d", got, want)
	}
	if got, want := l.Server.Handshakes(t), 2; got != want {
		t.Errorf("got %d handshakes, want %d", got, want)
	}
	if got, want := l.Client.Handshakes(t), 0; got != want {
		t.Errorf("got %d handshakes at the client, want %d", got, want)
	}
}

func TestLinkDown(t *testing.T) {
	l := New(t)
	l.Server.Banner(t, 22)
	sniffer := l.Client.Sniff(t)
	l.Client.LinkDown(t)
	if _, err := greet(l.Client, l.Server.IP6, 22); err == nil {
		t.Error("got an answer over a link that is down")
	}
	l.Client.LinkUp(t)
	if _, err := greet(l.Client, l.Server.IP6, 22); err != nil {
		t.Error(err)
	}
	sniffer.Await(func(p Packet) bool { return p.SYN && p.ACK })
}

func TestBehind(t *testing.T) {
	l := New(t)
	target := l.Behind(t)
	target.Banner(t, 22)
	for _, addr := range []netip.Addr{target.IP4, target.IP6} {
		if _, err := greet(l.Server, addr, 22); err != nil {
			t.Errorf("from the server: %v", err)
		}
		if _, err := greet(l.Client, addr, 22); err == nil {
			t.Errorf("the client reaches %v", addr)
		}
	}
}

func TestNft(t *testing.T) {
	l := New(t)
	l.Server.Banner(t, 22)
	l.Server.Banner(t, 23)
	l.Server.Nft(t, `
		table inet filter {
			chain input {
				type filter hook input priority 0; policy accept;
				tcp dport 22 drop
			}
		}`)
	for _, addr := range []netip.Addr{l.Server.IP4, l.Server.IP6} {
		_, err := greet(l.Client, addr, 22)
		if e, ok := err.(net.Error); !ok || !e.Timeout() {
			t.Errorf("%v port 22: got %v, want a timeout", addr, err)
		}
		if _, err := greet(l.Client, addr, 23); err != nil {
			t.Errorf("%v port 23: %v", addr, err)
		}
	}
}

func TestBadRuleset(t *testing.T) {
	l := New(t)
	Need(t, "nft")
	err := l.Server.nft("table inet t { chain c { type filter hook input priority 0; policy reject; } }")
	want := "syntax error, unexpected reject, expecting accept or drop"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want nft's %q", err, want)
	}
}

// A missing piece is a skip for people and a failure in CI.
func TestSkip(t *testing.T) {
	tests := []struct{ ci, want string }{
		{"true", "fatal: no test may be skipped in CI: no-such-program is not installed"},
		{"", "skip: skipping, no-such-program is not installed"},
	}
	for _, tt := range tests {
		t.Setenv("CI", tt.ci)
		r := &recorder{TB: t}
		Need(r, "sh", "no-such-program")
		if r.said != tt.want {
			t.Errorf("CI=%s: got %q, want %q", tt.ci, r.said, tt.want)
		}
	}
}
