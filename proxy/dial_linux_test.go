package proxy

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestSocketOptions reads back what the session's socket was given: it is the
// same with a knock, where the options that lost races need are undone.
func TestSocketOptions(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	to := netip.MustParseAddrPort(listener.Addr().String())
	knock := func(context.Context, netip.Addr, Try) error { return nil }
	for name, opener := range map[string]*Opener{"plain": {}, "knock": {Knock: knock}} {
		conn, _, err := opener.Open(t.Context(), []netip.Addr{to.Addr()}, to.Port())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		raw, err := conn.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			for _, option := range []struct {
				name        string
				level, what int
				want        int
			}{
				{"TCP_NODELAY", syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
				{"SO_KEEPALIVE", syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
				{"TCP_KEEPIDLE", syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, sysctl(t, "tcp_keepalive_time")},
				{"TCP_KEEPINTVL", syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, sysctl(t, "tcp_keepalive_intvl")},
				{"TCP_KEEPCNT", syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, sysctl(t, "tcp_keepalive_probes")},
				{"SO_LINGER", syscall.SOL_SOCKET, syscall.SO_LINGER, 0}, // its first half: off
			} {
				got, err := syscall.GetsockoptInt(int(fd), option.level, option.what)
				if err != nil || got != option.want {
					t.Errorf("%s: %s is %v, %v, want %v", name, option.name, got, err, option.want)
				}
			}
		})
	}
}

// TestWitnessTwice lets package net make two sockets for a connect, as it does where
// the first has connected to itself.
func TestWitnessTwice(t *testing.T) {
	first, second := connected(t)
	var w witness
	for _, conn := range []*net.TCPConn{first, second} {
		raw, err := conn.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.holdBack("", "", raw); err != nil {
			t.Fatal(err)
		}
	}
	w.close(nil, netip.Addr{})
	for _, conn := range []*net.TCPConn{first, second} {
		if got := descriptors(t, linkOf(t, conn)); got != 1 {
			t.Errorf("%d descriptors of a socket are open, want 1", got)
		}
	}
}

func sysctl(t *testing.T, name string) int {
	t.Helper()
	data, err := os.ReadFile("/proc/sys/net/ipv4/" + name)
	if err != nil {
		t.Skipf("skipping, no /proc to compare with: %v", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOpenTaken has the server take the first connect while this process has no time to
// notice, as on a busy machine: nothing more is sent then. If the host refuses instead,
// tries go on.
func TestOpenTaken(t *testing.T) {
	for name, taken := range map[string]bool{"refused": false, "taken": true} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			to := netip.MustParseAddrPort(listener.Addr().String())
			if !taken {
				listener.Close()
			}
			var knocks, connects atomic.Int32
			noticed := make(chan struct{})
			o := &Opener{Knock: func(context.Context, netip.Addr, Try) error { knocks.Add(1); return nil }}
			o.dial = func(ctx context.Context, to netip.AddrPort, w *witness) (net.Conn, error) {
				connects.Add(1)
				conn, err := (&net.Dialer{Control: w.holdBack}).DialContext(ctx, "tcp", to.String())
				if taken {
					<-noticed
				}
				return conn, err
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			context.AfterFunc(ctx, func() { close(noticed) })
			conn, _, err := o.Open(ctx, []netip.Addr{to.Addr()}, to.Port())
			if err == nil {
				conn.Close()
			}
			if got := knocks.Load() == 1 && connects.Load() == 1; got != taken {
				t.Errorf("got %d knocks and %d connects, want one of each: %v", knocks.Load(), connects.Load(), taken)
			}
		})
	}
}
