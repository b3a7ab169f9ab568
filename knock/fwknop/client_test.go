//go:build linux

package fwknop

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestRealClient reads files as the real client of fwknop does: out of each one, it
// makes the same packet, byte for byte, or refuses it as well.
func TestRealClient(t *testing.T) {
	lab.Need(t, "fwknop")
	const rest = "ACCESS tcp/22\nALLOW_IP source\nSPA_SERVER 198.51.100.2\n"
	tests := []struct {
		name, text string
		bad        bool
	}{
		{"no stanza", "[other]\nKEY k\n" + rest, true},
		{"unknown variable", "[tango]\nKEY k\nCLIENT_TIMEOUT 3\n" + rest, true},
		{"lower case", "[tango]\nkey k\n" + rest, true},
		{"no value", "[tango]\nKEY\n" + rest, true},
		{"a comment for a value", "[tango]\nKEY #k\n" + rest, true},
		{"indented comment", "[tango]\nKEY k\n # x\n" + rest, true},
		{"blanks", "[tango]\nKEY k\n  \n" + rest, true},
		{"long key", "[tango]\nKEY 012345678901234567890123456789012\n" + rest, true},
		{"same keys", "[tango]\nKEY k\nHMAC_KEY k\n" + rest, true},
		{"legacy with HMAC", "[tango]\nKEY k\nHMAC_KEY h\nENCRYPTION_MODE legacy\n" + rest, true},
		{"no such digest", "[tango]\nKEY k\nDIGEST_TYPE crc\n" + rest, true},
		{"no such address", "[tango]\nKEY k\n" + rest + "ALLOW_IP 2001:db8::1\n", true},
		{"long timeout", "[tango]\nKEY k\nFW_TIMEOUT 70000\n" + rest, true},
		{"HMAC without a key", "[tango]\nKEY k\nUSE_HMAC Y\n" + rest, true},
		{"no port", "[tango]\nKEY k\nALLOW_IP source\nACCESS tcp\n", true},
		{"no such protocol", "[tango]\nKEY k\nALLOW_IP source\nACCESS TCP/22\n", true},
		{"NAT of two ports", "[tango]\nKEY k\nALLOW_IP source\nACCESS tcp/22,udp/53\nNAT_ACCESS 10.0.0.2\nNAT_PORT 77\n", true},
		{"NAT to two ports", "[tango]\nKEY k\nNAT_ACCESS 10.0.0.2,22,23\n" + rest, true},

		{"plain", "[tango]\nKEY swordfish\n" + rest, false},
		{"HMAC", "[tango]\nKEY swordfish\nHMAC_KEY trout\n" + rest, false},
		{"equals sign is the value", "[tango]\nKEY = swordfish\n" + rest, false},
		{"colons", "[tango]\nKEY: k\nHMAC_KEY:\th\n" + rest, false},
		{"ends at a semicolon", "[tango]\nKEY k;x\nHMAC_KEY h#y\n" + rest, false},
		{"ends at a blank", "[tango]\nKEY k x\n" + rest, false},
		{"indented", "  [tango]\n\tKEY k\n  HMAC_KEY h\n" + rest, false},
		{"CRLF", "[tango]\r\nKEY k\r\nHMAC_KEY h\r\n" + rest, false},
		{"comments", "# x\n; y\n[tango]\n#KEY x\n;KEY y\nKEY k\n\n" + rest, false},
		{"default", "[default]\nKEY d\nHMAC_KEY e\n[tango]\nKEY k\n" + rest, false},
		{"default comes last", "[tango]\nKEY k\n" + rest + "[default]\nKEY d\nHMAC_KEY h\n", false},
		{"default with the better key", "[default]\nKEY d\n[tango]\nKEY_BASE64 eHh4\n" + rest, false},
		{"any case, twice", "[TANGO]\nKEY k\n[other]\nx\n[Tango]\nHMAC_KEY h\n" + rest, false},
		{"last one wins", "[tango]\nKEY k\nKEY l\n" + rest, false},
		{"KEY before KEY_BASE64", "[tango]\nKEY k\nKEY_BASE64 eHh4\nHMAC_KEY_BASE64 aGg=\nHMAC_KEY h\n" + rest, false},
		{"base64", "[tango]\nKEY_BASE64 eHh4eA==\nHMAC_KEY_BASE64 aGg=\n" + rest, false},
		{"no bracket elsewhere", "[other\n[tango]\nKEY k\n" + rest, false},
		{"not a yes", "[tango]\nKEY k\nUSE_GPG yes\nNAT_LOCAL yes\nRAND_PORT 1\nUSE_HMAC yes\n" + rest, false},
		{"what is of no matter", "[tango]\nKEY k\nSPA_SOURCE_PORT 4000\nRESOLVE_IP_HTTP N\nGPG_EXE /x\nVERBOSE N\n" + rest, false},
		{"short legacy key", "[tango]\nKEY k\nENCRYPTION_MODE legacy\n" + rest, false},
		{"long legacy key", "[tango]\nKEY 01234567890123456\nENCRYPTION_MODE Legacy\n" + rest, false},
		{"timeout", "[tango]\nKEY k\nFW_TIMEOUT 65536\n" + rest, false},
		{"user", "[tango]\nKEY k\nSPOOF_USER alice\n" + rest, false},
		{"address", "[tango]\nKEY k\n" + rest + "ALLOW_IP 203.0.113.9\n", false},
		{"ports", "[tango]\nKEY k\nALLOW_IP source\nACCESS tcp/22,udp/53\n", false},
		{"NAT", "[tango]\nKEY k\nNAT_ACCESS 10.0.0.2,2222\n" + rest, false},
		{"NAT with a colon", "[tango]\nKEY k\nNAT_ACCESS 10.0.0.2:2222\nFW_TIMEOUT 9\n" + rest, false},
		{"NAT to the port of the access", "[tango]\nKEY k\nNAT_ACCESS 10.0.0.2\n" + rest, false},
		{"NAT from another port", "[tango]\nKEY k\nNAT_ACCESS 10.0.0.2\nNAT_PORT 77\n" + rest, false},
		{"local NAT", "[tango]\nKEY k\nNAT_LOCAL Y\nNAT_PORT 77\n" + rest, false},
		{"local NAT that says where", "[tango]\nKEY k\nNAT_LOCAL Y\nNAT_ACCESS 127.0.0.1,23\nFW_TIMEOUT 9\n" + rest, false},
		{"clock", "[tango]\nKEY k\nTIME_OFFSET -2m\n" + rest, false},
		{"clock, days", "[tango]\nKEY k\nTIME_OFFSET 1D\n" + rest, false},
	}
	for _, d := range digestNames {
		tests = append(tests, struct {
			name, text string
			bad        bool
		}{d, "[tango]\nKEY k\nHMAC_KEY h\nDIGEST_TYPE " + d + "\nHMAC_DIGEST_TYPE " + d + "\n" + rest, false})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rc")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			client := exec.Command("fwknop", "--rc-file", path, "-n", "tango", "--test", "--no-save-args")
			client.Env = append(os.Environ(), "HOME="+t.TempDir())
			out, _ := client.CombinedOutput()
			field := func(name string) string {
				m := regexp.MustCompile(`(?m)^ *` + name + `: (.*)`).FindSubmatch(out)
				if m == nil {
					return ""
				}
				return string(m[1])
			}
			wire := field("Final SPA Data")
			s, err := Load(path, "tango")
			if bad := wire == ""; bad != tt.bad || bad != (err != nil) {
				t.Fatalf("bad is %v, want %v; got %v\nthe client says %s", bad, tt.bad, err, out)
			}
			if tt.bad {
				return
			}
			got, err := s.again(wire, field("Random Value"), field("Username"), field("Timestamp"))
			if err != nil || got != wire {
				t.Errorf("got %q, %v\nthe client says %s", got, err, out)
			}
		})
	}
}

// again makes the packet that another client has made with the same chance and at
// the same time.
func (s *Stanza) again(wire, number, name, stamp string) (string, error) {
	head, err := base64.RawStdEncoding.DecodeString((magic + wire)[:24])
	if err != nil {
		return "", err
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return "", err
	}
	seconds, err := strconv.ParseInt(string(bytes.Fields([]byte(stamp))[0]), 10, 64)
	if err != nil {
		return "", err
	}
	now := time.Unix(seconds, 0).Add(-s.Offset)
	if off := time.Since(now); off < -time.Minute || off > time.Minute {
		return "", fmt.Errorf("the client's clock is another, by %v", off)
	}
	return s.seal(s.message(n, name, netip.MustParseAddrPort("198.51.100.2:22"), now), [8]byte(head[8:16]))
}

// TestLoadFIFO does not wait for a writer that never comes.
func TestLoadFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rc")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := Load(path, "tango")
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("Load of a FIFO = nil, want an error")
		}
	case <-time.After(10 * time.Second):
		t.Error("Load of a FIFO waits")
	}
}
