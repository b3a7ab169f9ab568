package proxy

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/ip"
)

func TestResolveLiteral(t *testing.T) {
	tests := []struct {
		host   string
		family ip.Family
		want   string
	}{
		{"::1", ip.V4, "error: not an IPv4 address"},
		{"127.0.0.1", ip.V6, "error: not an IPv6 address"},
		{"::ffff:127.0.0.1", ip.V6, "error: not an IPv6 address"},
		{"127.0.0.1", ip.Any, "[127.0.0.1]"},
		{"127.0.0.1", ip.V4, "[127.0.0.1]"},
		{"::ffff:127.0.0.1", ip.V4, "[127.0.0.1]"},
		{"::1", ip.V6, "[::1]"},
		{"fe80::1%eth0", ip.Any, "[fe80::1%eth0]"},
	}
	for _, tt := range tests {
		addrs, err := Resolve(t.Context(), tt.host, tt.family)
		got := fmt.Sprint(addrs)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != tt.want {
			t.Errorf("Resolve(%q, %v) = %v, want %v", tt.host, tt.family, got, tt.want)
		}
	}
}

func TestParseAhosts(t *testing.T) {
	const out = "2001:db8::2     STREAM tango\n2001:db8::2     DGRAM  \n2001:db8::2     RAW    \n" +
		"198.51.100.2    STREAM \n198.51.100.2    DGRAM  \nfe80::1%eth0    STREAM\n\nnonsense here\n"
	tests := []struct {
		family ip.Family
		want   string
	}{
		{ip.Any, "2001:db8::2 198.51.100.2 fe80::1%eth0"},
		{ip.V4, "198.51.100.2"},
		{ip.V6, "2001:db8::2 fe80::1%eth0"},
	}
	for _, tt := range tests {
		var got []string
		for _, addr := range parseAhosts([]byte(out), tt.family) {
			got = append(got, addr.String())
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("parseAhosts for %v = %v, want %v", tt.family, got, tt.want)
		}
	}
}

// TestGetentHangs has a getent that never ends and whose child never ends.
func TestGetentHangs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipping, as there is no getent")
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/getent", []byte("#!/bin/sh\necho 192.0.2.1 STREAM tango\nsleep 20 &\nsleep 20\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if got := getent(ctx, "tango", ip.Any); got != nil {
		t.Errorf("got %v, want nothing", got)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v, and the time was up after 0.1s", took)
	}
}

func FuzzParseAhosts(f *testing.F) {
	f.Add([]byte("192.0.2.1 STREAM x\n::1 DGRAM\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		seen := make(map[netip.Addr]bool)
		for _, addr := range parseAhosts(out, ip.Any) {
			if !addr.IsValid() || seen[addr] {
				t.Fatalf("address %v is invalid or repeated", addr)
			}
			seen[addr] = true
		}
	})
}
