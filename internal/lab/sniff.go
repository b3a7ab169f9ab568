//go:build linux

package lab

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Sniffer records the packets that pass a host's eth0, before its firewall if they come
// in and after it if they go out. The kernel records, so nothing in a test has to keep
// up.
type Sniffer struct {
	t       testing.TB
	capture *capture
	packets []Packet
}

// Sniff starts to record.
func (h *Host) Sniff(t testing.TB) *Sniffer {
	t.Helper()
	var c *capture
	var err error
	h.Do(func() { c, err = openCapture("eth0") })
	if err != nil {
		t.Fatalf("lab: sniff on %s: %v", h.Name, err)
	}
	t.Cleanup(func() { go c.close() }) // for some 40 ms, which no one need wait for
	return &Sniffer{t: t, capture: c}
}

// Packets returns what was recorded so far, in order. A packet is there as soon
// as the call returns that sent it, unless it had to wait for the neighbour's
// Ethernet address, as the first one does. It fails the test if there were more
// than 32768 since the last look.
func (s *Sniffer) Packets() []Packet {
	s.t.Helper()
	if err := s.drain(); err != nil {
		s.t.Fatalf("lab: sniff: %v", err)
	}
	return slices.Clone(s.packets)
}

// Await returns the first recorded packet that matches, and waits for it if necessary.
func (s *Sniffer) Await(match func(Packet) bool) Packet {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		packets := s.Packets()
		if i := slices.IndexFunc(packets, match); i >= 0 {
			return packets[i]
		}
		left := time.Until(deadline)
		if left <= 0 {
			s.t.Fatalf("lab: sniff: no such packet in %v, but %v", patience, packets)
		}
		// Whatever ends it is a reason to look again.
		unix.Poll([]unix.PollFd{{Fd: int32(s.capture.fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
	}
}

// drain moves what the kernel has recorded to s.packets.
func (s *Sniffer) drain() error {
	for frame := range s.capture.frames() {
		if p, ok := parsePacket(frame.data); ok {
			p.Time, p.Out = frame.time, frame.out
			s.packets = append(s.packets, p)
		}
	}
	drops, err := s.capture.drops()
	if err == nil && drops > 0 {
		err = fmt.Errorf("%d packets are missing", drops)
	}
	return err
}
