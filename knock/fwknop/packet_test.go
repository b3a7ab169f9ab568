package fwknop

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var server = netip.MustParseAddrPort("198.51.100.2:22")

// TestVector makes the packet again that the real client of fwknop 2.6.10 made.
func TestVector(t *testing.T) {
	const wire = "9fvw2kRY5gzG6p9gbHyLWJyVxXD7emkUcG7bBO/uFRpSUnlxcf+LJi1kg4WxVlXTiKp3uxWUJ/NFaqR7uhWqApDx+8FAFBLWvwvJv1Wjapq/nspGXVI4PDtSHARh6bv0IVzrzZQZtpVDk+vpu0IHBrqkODBocPnA6XV7jrHyxlQbryFxmPQrVDQbfiVTIo6ILKHXNBFtOP37wjA0x1gayQ4nyjqHvBk1E"
	s, err := Parse([]byte("[tango]\nKEY swordfish123\nHMAC_KEY hmac-plain-key\nALLOW_IP 203.0.113.9\nFW_TIMEOUT 9\nSPOOF_USER alice\n"), "tango")
	if err != nil {
		t.Fatal(err)
	}
	head, err := base64.RawStdEncoding.DecodeString((magic + wire)[:24])
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.seal(s.message(3027777911359916, "alice", server, time.Unix(1795422181, 0)), [8]byte(head[8:16]))
	if err != nil || got != wire {
		t.Errorf("got %q, %v, want %q", got, err, wire)
	}
}

// TestPacketIsNew makes no two alike.
func TestPacketIsNew(t *testing.T) {
	s := &Stanza{Key: []byte("k")}
	seen := make(map[string]bool)
	for range 100 {
		packet, err := s.Packet(server, time.Now(), newRandom())
		if err != nil || seen[packet] {
			t.Fatalf("got %q again, %v", packet, err)
		}
		seen[packet] = true
	}
}

func TestSecrets(t *testing.T) {
	s := &Stanza{Name: "tango", Key: []byte("swordfish"), HMACKey: []byte("trout")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, s); strings.Contains(got, "swordfish") || strings.Contains(got, "73776f") {
			t.Errorf("%s shows %q", verb, got)
		}
	}
}
