//go:build unix

package knock_test

import (
	"net"
	"net/netip"
	"syscall"
	"testing"

	"knockpipe/knock"
)

// TestSendConnect has connections that nobody answers: none keeps the next knock
// waiting, and Wait waits for all of them.
func TestSendConnect(t *testing.T) {
	for _, addr := range loopbacks(t) {
		door, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
		if err != nil {
			t.Fatal(err)
		}
		defer door.Close()
		step := knock.TCP{Port: uint16(door.Addr().(*net.TCPAddr).Port), Connect: true}
		together := false
		for range 5 { // a busy machine may let a connection's time pass before it is looked at
			sender := knock.Sender{To: addr, Source: addr}
			if err := sender.Send(t.Context(), knock.Sequence{step, step, step}); err != nil {
				t.Fatal(err)
			}
			var conns []*net.TCPConn
			for range 3 {
				conn, err := door.AcceptTCP()
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				conns = append(conns, conn)
			}
			ended := 0
			for _, conn := range conns {
				if atEnd(t, conn) {
					ended++
				}
			}
			sender.Wait()
			for i, conn := range conns {
				if !atEnd(t, conn) {
					t.Fatalf("%v: connection %d goes on after Wait", addr, i+1)
				}
			}
			if together = ended == 0; together {
				break
			}
		}
		if !together {
			t.Errorf("%v: one connection ended before the next began", addr)
		}
		door.Close()
		refused := knock.Sender{To: addr}
		if err := refused.Send(t.Context(), knock.Sequence{step}); err != nil {
			t.Errorf("%v: %v, want no error", addr, err)
		}
		refused.Wait()
	}
}

// atEnd reports whether the other side has ended a connection, without waiting.
func atEnd(t *testing.T, conn *net.TCPConn) bool {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	ended := false
	if err := raw.Read(func(fd uintptr) bool {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		ended = n == 0 && err == nil
		return true // that there is nothing to read is an answer, too
	}); err != nil {
		t.Fatal(err)
	}
	return ended
}
