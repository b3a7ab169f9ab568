package knock_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"knockpipe/knock"
)

// loopbacks are this machine's own addresses, as far as it has both families.
func loopbacks(t *testing.T) []netip.Addr {
	var addrs []netip.Addr
	for _, addr := range []string{"127.0.0.1", "::1"} {
		conn, err := net.ListenPacket("udp", net.JoinHostPort(addr, "0"))
		if err != nil {
			t.Logf("skipping %s, as this machine has none: %v", addr, err)
			continue
		}
		conn.Close()
		addrs = append(addrs, netip.MustParseAddr(addr))
	}
	return addrs
}

func TestSendFails(t *testing.T) {
	seq := knock.Sequence{{Port: 4471}, {Proto: knock.UDP, Port: 4472}}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		send knock.Sender
		want string
	}{
		{"source of another host", t.Context(), knock.Sender{To: netip.MustParseAddr("127.0.0.1"), Source: netip.MustParseAddr("192.0.2.7")},
			"knock 1 of 2 (tcp): "},
		{"no such zone", t.Context(), knock.Sender{To: netip.MustParseAddr("fe80::1%nosuchzone")}, "knock 1 of 2 (tcp): "},
		{"too late", canceled, knock.Sender{To: netip.MustParseAddr("127.0.0.1"), Gap: time.Hour}, "context canceled"},
	}
	for _, tt := range tests {
		err := tt.send.Send(tt.ctx, seq)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %v...", tt.name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "447") {
			t.Errorf("%s: the error %q shows a port", tt.name, err)
		}
	}
}

// TestSendTCP knocks at ports that listen: loopback has no delay, so that even a
// knock completes there.
func TestSendTCP(t *testing.T) {
	for _, addr := range loopbacks(t) {
		var seq knock.Sequence
		var doors []net.Listener
		for range 3 {
			door, err := net.Listen("tcp", netip.AddrPortFrom(addr, 0).String())
			if err != nil {
				t.Fatal(err)
			}
			defer door.Close()
			doors = append(doors, door)
			seq = append(seq, knock.Step{Port: uint16(door.Addr().(*net.TCPAddr).Port)})
		}
		var told []string
		sender := knock.Sender{To: addr, Source: addr, Logf: func(format string, args ...any) {
			told = append(told, fmt.Sprintf(format, args...))
		}}
		if err := sender.Send(t.Context(), seq); err != nil {
			t.Fatalf("%v: %v", addr, err)
		}
		for _, door := range doors {
			conn, err := door.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if data, err := io.ReadAll(conn); len(data) > 0 {
				t.Errorf("%v: a knock carried %q, %v", addr, data, err)
			}
			conn.Close()
		}
		if want := fmt.Sprintf("knock 3 of 3 (tcp) to %v", addr); len(told) != 3 || told[2] != want {
			t.Errorf("told %q, want the last to be %q", told, want)
		}
	}
}

// TestSendRefused knocks at a port that nothing listens on: an answer, and no
// matter which.
func TestSendRefused(t *testing.T) {
	for _, addr := range loopbacks(t) {
		door, err := net.Listen("tcp", netip.AddrPortFrom(addr, 0).String())
		if err != nil {
			t.Fatal(err)
		}
		port := uint16(door.Addr().(*net.TCPAddr).Port)
		door.Close()
		sender := knock.Sender{To: addr}
		for _, proto := range []knock.Proto{knock.TCP, knock.UDP} {
			seq := knock.Sequence{{Proto: proto, Port: port}, {Proto: proto, Port: port}, {Proto: proto, Port: port}}
			if err := sender.Send(t.Context(), seq); err != nil {
				t.Errorf("%v: %v, want no error", addr, err)
			}
		}
	}
}

func TestSendUDP(t *testing.T) {
	for _, addr := range loopbacks(t) {
		door, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
		if err != nil {
			t.Fatal(err)
		}
		defer door.Close()
		port := uint16(door.LocalAddr().(*net.UDPAddr).Port)
		sender := knock.Sender{To: addr, Source: addr, Gap: time.Microsecond}
		if err := sender.Send(t.Context(), knock.Sequence{{Proto: knock.UDP, Port: port, Payload: "\x00"}, {Proto: knock.UDP, Port: port, Payload: "\x00"}}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			data := make([]byte, 100)
			n, from, err := door.ReadFromUDPAddrPort(data)
			if err != nil || n != 1 || data[0] != 0 || from.Addr().Unmap() != addr {
				t.Errorf("got %q, %v from %v, want one zero byte from %v", data[:n], err, from, addr)
			}
		}
	}
	var op *net.OpError
	err := (&knock.Sender{To: netip.MustParseAddr("fe80::1%nosuchzone")}).Send(t.Context(), knock.Sequence{{Proto: knock.UDP, Port: 4471}})
	if err == nil || errors.As(err, &op) || strings.Contains(err.Error(), "4471") {
		t.Errorf("got %v, want an error without the address", err)
	}
}

// TestSendRestart looks at the order: a knock that is not the first one comes twice
// ahead of a sequence that is long enough to be left half done.
func TestSendRestart(t *testing.T) {
	for _, tt := range []struct {
		seq  string
		want []int // the steps, without pauses
	}{
		{"udp:9", []int{1}},
		{"udp:9 udp:10", []int{1, 2}},
		{"udp:9 udp:10 pause:1ms", []int{1, 2}},
		{"udp:9 udp:9 udp:9", []int{1, 2, 3}},
		{"udp:9 udp:10 udp:11", []int{2, 2, 1, 2, 3}},
		{"udp:9 udp:10 udp:11 udp:12", []int{2, 2, 1, 2, 3, 4}},
		{"pause:1ms udp:9 pause:1ms udp:10 udp:11", []int{4, 4, 2, 4, 5}},
		{"udp:9 udp:9 udp:10 udp:11", []int{3, 3, 1, 2, 3, 4}},
		{"udp:9 exec:x udp:10", []int{1, 2, 3}},
	} {
		var got []int
		sender := knock.Sender{
			To: netip.MustParseAddr("127.0.0.1"), Restart: true,
			Exec: func(context.Context, string, netip.Addr) error { return nil },
			Logf: func(_ string, args ...any) { got = append(got, args[0].(int)) },
		}
		seq, err := knock.Parse(strings.Fields(tt.seq))
		if err != nil {
			t.Fatal(err)
		}
		if err := sender.Send(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got the order %v, want %v", tt.seq, got, tt.want)
		}
	}
}

// TestSendConnect has connections that nobody accepts at once, and one to a port
// that is silent: none keeps the next knock waiting, and Send waits for all of them.
func TestSendConnect(t *testing.T) {
	for _, addr := range loopbacks(t) {
		door, err := net.Listen("tcp", netip.AddrPortFrom(addr, 0).String())
		if err != nil {
			t.Fatal(err)
		}
		defer door.Close()
		port := uint16(door.Addr().(*net.TCPAddr).Port)
		greeted := make(chan error, 1)
		go func() {
			for range 3 {
				conn, err := door.Accept()
				if err != nil {
					greeted <- err
					return
				}
				defer conn.Close()
			}
			greeted <- nil
			<-t.Context().Done()
		}()
		start := time.Now()
		step := knock.Step{Port: port, Connect: true}
		sender := knock.Sender{To: addr, Source: addr, Wait: true}
		if err := sender.Send(t.Context(), knock.Sequence{step, step, step}); err != nil {
			t.Fatal(err)
		}
		if err := <-greeted; err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took < 800*time.Millisecond || took > 1700*time.Millisecond {
			t.Errorf("%v: took %v, want the time of one connection", addr, took)
		}
		door.Close()
		refused := knock.Sender{To: addr, Wait: true}
		if err := refused.Send(t.Context(), knock.Sequence{step}); err != nil {
			t.Errorf("%v: %v, want no error", addr, err)
		}
	}
}
