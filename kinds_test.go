//go:build linux

package main

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// allKinds is what testdata/doors/payload.nft opens to.
const allKinds = "udp:7000,text=open 7100/udp,hex=0a0b0c0d udp:7200,size=64 icmp,size=95 pause:20 7300"

// TestKinds opens a door that asks for every kind of knock, and not to one that is
// wrong in any of them.
func TestKinds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, knock string
		opens       bool
	}{
		{"other text", strings.Replace(allKinds, "open", "opem", 1), false},
		{"text that is too short", strings.Replace(allKinds, "open", "ope", 1), false},
		{"other bytes", strings.Replace(allKinds, "0d", "0e", 1), false},
		{"other size", strings.Replace(allKinds, "64", "63", 1), false},
		{"other echo", strings.Replace(allKinds, "95", "94", 1), false},
		{"all right", allKinds, true},
		{"with a connection", strings.Replace(allKinds, " 7300", " tcp:7300,connect", 1), true},
	}
	for _, tt := range tests {
		for _, link := range []lab.Link{{Delay: 5 * time.Millisecond}, {Delay: 25 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.02}} {
			t.Run(fmt.Sprint(tt.name, link.Loss), func(t *testing.T) {
				t.Parallel()
				l := lab.New(t, link)
				l.Server.NftFile(t, "testdata/doors/payload.nft")
				l.Server.Banner(t, 22)
				for _, addr := range []string{"198.51.100.2", "2001:db8::2"} {
					limit := "-w 8 "
					if !tt.opens {
						limit = "-w 0.5 "
					}
					out, err := knockpipe(t, l, limit+addr+" 22 "+tt.knock).CombinedOutput()
					if opened := err == nil && string(out) == "SSH-2.0-bench\r\n"; opened != tt.opens {
						t.Errorf("%s: got %q, %v; open is %v, want %v", addr, out, err, opened, tt.opens)
					}
				}
				want := 0
				if tt.opens {
					want = 2
				}
				if got := l.Server.Handshakes(t); got < want || !strings.Contains(tt.knock, "connect") && got > want {
					t.Errorf("the server's kernel completed %d handshakes, want %d", got, want)
				}
			})
		}
	}
}

// TestPing sends ICMP knocks as a user who may not open raw sockets.
func TestPing(t *testing.T) {
	nobody := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	tests := []struct {
		name, groups, want string
	}{
		{"not permitted", "1 0", "knockpipe: %s: knock 1 of 1 (icmp): ping sockets are not permitted: as root, put your group into the range of sysctl net.ipv4.ping_group_range\n"},
		{"permitted", "0 2147483647", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			l.Client.Sysctl(t, "net.ipv4.ping_group_range", tt.groups)
			for _, addr := range []string{"198.51.100.2", "2001:db8::2"} {
				wire := l.Client.Sniff(t)
				cmd := l.Client.Command(readable(t), "-f", "none", "-k", addr, "22", "icmp,size=95")
				cmd.Dir = "/"
				cmd.SysProcAttr = nobody
				out, _ := cmd.CombinedOutput()
				want := tt.want
				if want != "" {
					want = fmt.Sprintf(want, addr)
				}
				if string(out) != want {
					t.Errorf("%s: got %q, want %q", addr, out, want)
				}
				if tt.want == "" {
					wire.Await(func(p lab.Packet) bool { return p.Out && p.Proto == "icmp" && p.Payload == 95 })
				}
			}
		})
	}
}

// readable is a copy of the binary where every user finds it.
func readable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	path := dir + "/knockpipe"
	if out, err := exec.Command("cp", binary(t), path).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
	for d := dir; d != "/tmp" && d != "/"; d = d[:strings.LastIndex(d, "/")] {
		exec.Command("chmod", "755", d).Run()
	}
	return path
}
