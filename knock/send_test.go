package knock_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
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
	seq := knock.Sequence{knock.TCP{Port: 4471}, knock.UDP{Port: 4472}}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		send *knock.Sender
		want string
	}{
		{"source of another host", t.Context(), &knock.Sender{To: netip.MustParseAddr("127.0.0.1"), Source: netip.MustParseAddr("192.0.2.7")},
			"knock 1 of 2 (tcp): "},
		{"no such zone", t.Context(), &knock.Sender{To: netip.MustParseAddr("fe80::1%nosuchzone")}, "knock 1 of 2 (tcp): "},
		{"too late", canceled, &knock.Sender{To: netip.MustParseAddr("127.0.0.1"), Gap: time.Hour}, "context canceled"},
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
			seq = append(seq, knock.TCP{Port: uint16(door.Addr().(*net.TCPAddr).Port)})
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

// TestSendRefused knocks at a port that nothing listens on: any answer will do.
func TestSendRefused(t *testing.T) {
	for _, addr := range loopbacks(t) {
		door, err := net.Listen("tcp", netip.AddrPortFrom(addr, 0).String())
		if err != nil {
			t.Fatal(err)
		}
		port := uint16(door.Addr().(*net.TCPAddr).Port)
		door.Close()
		sender := knock.Sender{To: addr}
		for _, step := range []knock.Step{knock.TCP{Port: port}, knock.UDP{Port: port}} {
			if err := sender.Send(t.Context(), knock.Sequence{step, step, step}); err != nil {
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
		if err := sender.Send(t.Context(), knock.Sequence{knock.UDP{Port: port, Payload: "\x00"}, knock.UDP{Port: port, Payload: "\x00"}}); err != nil {
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
	err := (&knock.Sender{To: netip.MustParseAddr("fe80::1%nosuchzone")}).Send(t.Context(), knock.Sequence{knock.UDP{Port: 4471}})
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
		{"udp:9 exec:true udp:10", []int{1, 2, 3}},
	} {
		var got []int
		sender := knock.Sender{
			To: netip.MustParseAddr("127.0.0.1"), Restart: 2,
			Logf: func(_ string, args ...any) { got = append(got, args[0].(int)) },
		}
		seq, err := knock.Parse(strings.Fields(tt.seq))
		if err != nil {
			t.Fatal(err)
		}
		if seq.Runs() && runtime.GOOS == "windows" {
			continue // it has no shell
		}
		if seq, err = seq.Load(knock.Env{Environ: os.Environ, Stderr: os.Stderr}); err != nil {
			t.Fatal(err)
		}
		if err := sender.Send(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got the order %v, want %v", tt.seq, got, tt.want)
		}
		got = nil
		if err := sender.SendRestart(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
		if want := tt.want[:len(tt.want)-seq.Knocks()]; !slices.Equal(got, want) {
			t.Errorf("%s: only a restart has the order %v, want %v", tt.seq, got, want)
		}
	}
}
