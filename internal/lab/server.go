//go:build linux

package lab

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Listen is [net.Listen] on the host, until the test ends. The network is tcp4 or
// tcp6: of tcp, Go believes what the machine, not the host, can do.
func (h *Host) Listen(t testing.TB, network, address string) net.Listener {
	t.Helper()
	var config net.ListenConfig
	config.SetMultipathTCP(false) // sshd has none either
	var listener net.Listener
	var err error
	h.Do(func() { listener, err = config.Listen(t.Context(), network, address) })
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// Dial is [net.DialTimeout] on the host, which is busy with nothing else
// meanwhile. The address is not a name.
func (h *Host) Dial(network, address string, timeout time.Duration) (net.Conn, error) {
	var conn net.Conn
	var err error
	h.Do(func() { conn, err = net.DialTimeout(network, address, timeout) })
	return conn, err
}

// A Banner is a server that sends only the first line of an sshd.
type Banner struct {
	accepted, aborted atomic.Int64
	open              sync.WaitGroup
	more              chan struct{} // takes one for a connection that nobody was told of
}

// Banner starts a server on a TCP port, for IPv4 and IPv6, which greets with
// "SSH-2.0-bench\r\n" and closes the connection when it has read a line of the
// client, or when the client goes.
func (h *Host) Banner(t testing.TB, port int) *Banner {
	t.Helper()
	b := &Banner{more: make(chan struct{}, 1)}
	for _, network := range []string{"tcp4", "tcp6"} {
		go b.serve(h.Listen(t, network, ":"+strconv.Itoa(port)))
	}
	return b
}

// Accepted returns the number of connections so far.
func (b *Banner) Accepted() int { return int(b.accepted.Load()) }

// Await waits until there are more than n connections. It reports false if they do not
// come in time.
func (b *Banner) Await(n int) bool {
	late := time.After(20 * time.Second)
	for b.Accepted() <= n {
		select {
		case <-b.more:
		case <-late:
			return false
		}
	}
	return true
}

// Aborted waits for the end of all connections and returns how many got no line from the
// client: an sshd logs those as closed before authentication.
func (b *Banner) Aborted() int {
	b.open.Wait()
	return int(b.aborted.Load())
}

func (b *Banner) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		b.accepted.Add(1)
		select {
		case b.more <- struct{}{}:
		default: // who awaits it counts anew
		}
		b.open.Go(func() {
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(time.Minute))
			io.WriteString(conn, "SSH-2.0-bench\r\n")
			if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
				b.aborted.Add(1)
			}
		})
	}
}

// Handshakes returns how many TCP handshakes the host has completed as a server since it
// was made. The kernel counts them, so a connection that was gone before a program could
// accept it counts too.
func (h *Host) Handshakes(t testing.TB) int {
	t.Helper()
	var data []byte
	var err error
	h.Do(func() { data, err = os.ReadFile("/proc/thread-self/net/snmp") })
	if err != nil {
		t.Fatal(err)
	}
	n, err := passiveOpens(data)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// passiveOpens finds a counter in a table whose lines come in pairs, first the
// names and then the numbers.
func passiveOpens(snmp []byte) (int, error) {
	var names []string
	for line := range bytes.Lines(snmp) {
		fields := strings.Fields(string(line))
		if len(fields) == 0 || fields[0] != "Tcp:" {
			continue
		}
		for i, name := range names {
			if name == "PassiveOpens" && i < len(fields) {
				return strconv.Atoi(fields[i])
			}
		}
		names = fields
	}
	return 0, fmt.Errorf("no Tcp PassiveOpens in /proc/net/snmp")
}
