//go:build linux

package lab

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"
)

const burst = 900 // fits into the queue of a TUN device

// send has the client send a burst of datagrams with 1, 2, 3... bytes, and then
// some of 1000, and returns the sizes in the order of their arrival until one of
// 1000 is there.
func send(t *testing.T, l *Lab) []int {
	t.Helper()
	sniffer := l.Server.Sniff(t)
	var conn net.PacketConn
	var err error
	l.Client.Do(func() { conn, err = net.ListenPacket("udp4", ":0") })
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(l.Server.IP4, 9))
	for i := range burst + 20 {
		size := i + 1
		if size > burst {
			size = 1000
		}
		if _, err := conn.WriteTo(make([]byte, size), to); err != nil {
			t.Fatal(err)
		}
	}
	sniffer.Await(func(p Packet) bool { return p.Payload == 1000 })
	var sizes []int
	for _, p := range sniffer.Packets() {
		if p.Proto == "udp" && p.Payload == 1000 {
			break
		}
		if p.Proto == "udp" {
			sizes = append(sizes, p.Payload)
		}
	}
	return sizes
}

func TestLink(t *testing.T) {
	tests := []struct {
		name     string
		link     Link
		min, max int // datagrams that arrive
	}{
		{"clean", Link{}, burst, burst},
		{"delay", Link{Delay: 5 * time.Millisecond}, burst, burst},
		{"loss", Link{Loss: 0.3}, burst * 6 / 10, burst * 8 / 10},
		{"dup", Link{Dup: 0.3}, burst * 12 / 10, burst * 14 / 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sizes := send(t, New(t, tt.link))
			if got := len(sizes); got < tt.min || got > tt.max {
				t.Errorf("got %d datagrams, want %d to %d of %d", got, tt.min, tt.max, burst)
			}
			if !slices.IsSorted(sizes) {
				t.Error("datagrams overtook each other on a link without jitter")
			}
		})
	}
}

func TestLinkReorders(t *testing.T) {
	sizes := send(t, New(t, Link{Delay: 10 * time.Millisecond, Jitter: 10 * time.Millisecond}))
	if slices.IsSorted(sizes) {
		t.Errorf("got %d datagrams in order, want some that overtook others", len(sizes))
	}
}

func TestLinkDelays(t *testing.T) {
	const delay = 25 * time.Millisecond
	l := New(t, Link{Delay: delay})
	var echo net.PacketConn
	var err error
	l.Server.Do(func() { echo, err = net.ListenPacket("udp", netip.AddrPortFrom(l.Server.IP6, 7).String()) })
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		buf := make([]byte, 100)
		for {
			n, from, err := echo.ReadFrom(buf)
			if err != nil {
				return
			}
			echo.WriteTo(buf[:n], from)
		}
	}()
	conn, err := l.Client.Dial("udp", echo.LocalAddr().String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	var times []time.Duration
	for range 20 {
		start := time.Now()
		if _, err := conn.Write([]byte("ping")); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	t.Logf("round trips: min %v, median %v, max %v", times[0], times[len(times)/2], times[len(times)-1])
	if got, want := times[0], 2*delay; got < want {
		t.Errorf("got a round trip in %v, want %v at least", got, want)
	}
}
