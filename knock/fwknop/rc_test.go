package fwknop

import (
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func newRandom() io.Reader { return rand.Reader }

// TestParse reads files by fwknop's own rules.
func TestParse(t *testing.T) {
	tests := []struct {
		name, text, want string // the key, the HMAC key and the access, or the error
	}{
		// bad
		{"no such stanza", "[other]\nKEY k\n", "error:  no stanza [tango]"},
		{"no key", "[tango]\nACCESS tcp/22\n", "error:  [tango]: no KEY or KEY_BASE64"},
		{"unknown variable", "[tango]\nKEY k\nCLIENT_TIMEOUT 3\n", "error: 3: CLIENT_TIMEOUT: unknown variable"},
		{"lower case", "[tango]\nkey swordfish\n", "error: 2: the line: unknown variable"},
		{"no value", "[tango]\nKEY\n", "error: 2: not a variable and a value"},
		{"only a comment", "[tango]\nKEY #k\n", "error: 2: KEY has no value"},
		{"indented comment", "[tango]\n # x\n", "error: 2: a comment must not be indented"},
		{"a key alone", "[tango]\nswordfish \n", "error: 2: the line has no value"},
		{"not base64", "[tango]\nKEY_BASE64 swordfish!\n", "error: 2: KEY_BASE64: not base64"},
		{"long key", "[tango]\nKEY " + strings.Repeat("k", 33) + "\n", "error:  [tango]: KEY is longer than 32 bytes"},
		{"same keys", "[tango]\nKEY swordfish\nHMAC_KEY swordfish\n", "error:  [tango]: KEY and HMAC_KEY are the same"},
		{"legacy with HMAC", "[tango]\nKEY k\nHMAC_KEY h\nENCRYPTION_MODE legacy\n", "error:  [tango]: ENCRYPTION_MODE legacy cannot be combined with HMAC_KEY"},
		{"another mode", "[tango]\nKEY k\nENCRYPTION_MODE ECB\n", "error: 3: ENCRYPTION_MODE: not CBC or legacy"},
		{"resolve", "[tango]\nKEY k\nALLOW_IP resolve\n", "error: 3: ALLOW_IP: knockpipe does not ask a web service for your address: set ALLOW_IP to source, or to the address that the server sees"},
		{"IPv6", "[tango]\nKEY k\nALLOW_IP ::1\n", "error: 3: ALLOW_IP: not source or an IPv4 address"},
		{"GPG", "[tango]\nKEY k\nUSE_GPG Y\n", "error: 3: USE_GPG: GPG is not supported: use KEY and HMAC_KEY"},
		{"bad access", "[tango]\nKEY k\nACCESS 22\n", "error: 3: ACCESS: not a list such as tcp/22,udp/53"},
		{"bad digest", "[tango]\nKEY k\nDIGEST_TYPE crc\n", "error: 3: DIGEST_TYPE: not one of sha256, md5, sha1, sha384, sha512, sha3_256, sha3_512"},
		{"resolve by another name", "[tango]\nKEY k\nRESOLVE_IP_HTTPS Y\n", "error: 3: RESOLVE_IP_HTTPS: knockpipe does not ask a web service for your address: set ALLOW_IP to source, or to the address that the server sees"},
		{"NAT to no port", "[tango]\nKEY k\nNAT_ACCESS 10.0.0.2,x\n", "error: 3: NAT_ACCESS: not a host, or one with a port such as 10.0.0.2,22"},
		{"NAT of two ports", "[tango]\nKEY k\nACCESS tcp/22,tcp/80\nNAT_PORT 2222\n", "error:  [tango]: NAT_PORT requires exactly one port in ACCESS"},
		{"HMAC without a key", "[tango]\nKEY k\nUSE_HMAC Y\n", "error: 3: USE_HMAC: no HMAC_KEY or HMAC_KEY_BASE64"},
		{"key in a file", "[tango]\nKEY k\nKEY_FILE N\n", "error: 3: KEY_FILE: not supported: write KEY or KEY_BASE64"},
		{"no bracket", "[tango\nKEY k\n", "error:  no stanza [tango]"},

		// good
		{"equals sign is the value", "[tango]\nKEY = swordfish\n", "= . "},
		{"colon", "[tango]\nKEY: k\nACCESS:\ttcp/22\n", "k . tcp/22"},
		{"ends at a semicolon", "[tango]\nKEY k;x\nHMAC_KEY h#y\n", "k h "},
		{"default", "[default]\nKEY d\nACCESS tcp/22\n[tango]\nKEY k\n", "k . tcp/22"},
		{"default comes last", "[tango]\nKEY k\n[default]\nKEY d\nHMAC_KEY h\n", "k h "},
		{"any case, twice", "[TANGO]\nKEY k\n[other]\nKEY o\nx\n[Tango]\nHMAC_KEY h\n", "k h "},
		{"KEY before KEY_BASE64", "[tango]\nKEY k\nKEY_BASE64 eHh4\nHMAC_KEY_BASE64 aGg=\n", "k hh "},
		{"no GPG", "[tango]\nKEY k\nUSE_GPG N\nVERBOSE 1\nSPA_SERVER tango\n", "k . "},
		{"GPG that is not meant", "[tango]\nKEY k\nUSE_GPG yes\nRESOLVE_IP_HTTPS Y\nALLOW_IP source\n", "k . "},
		{"indented", " [tango]\n\tKEY k\n  HMAC_KEY h\n", "k h "},
		{"no bracket elsewhere", "[other\n[tango]\nKEY k\n", "k . "},
		{"CRLF", "[tango]\r\nKEY k\r\n", "k . "},
	}
	for _, tt := range tests {
		s, err := Parse([]byte(tt.text), "tango")
		got := ""
		if err != nil {
			got = "error: " + err.Error()
			if strings.Contains(got, "swordfish") {
				t.Errorf("%s: %q shows a key", tt.name, got)
			}
		} else {
			hmac := string(s.HMACKey)
			if hmac == "" {
				hmac = "."
			}
			got = string(s.Key) + " " + hmac + " " + s.Access
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestLoad refuses a file of keys that others can read.
func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rc")
	if err := os.WriteFile(path, []byte("[tango]\nKEY k\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, "tango"); err != nil {
		t.Errorf("Load = %v, want no error", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, mode := range []os.FileMode{0o640, 0o620, 0o604, 0o602, 0o644, 0o660} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, "tango"); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("Load of a file of mode %#o = %v, want a refusal", mode, err)
		}
	}
	if _, err := Load(filepath.Dir(path), "tango"); err == nil {
		t.Error("Load of a folder = nil, want an error")
	}
	missing := filepath.Join(filepath.Dir(path), "missing")
	if _, err := Load(missing, "tango"); err == nil || strings.Count(err.Error(), missing) != 1 {
		t.Errorf("Load of a missing file = %v, want an error that names it once", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("[default]\nKEY: swordfish\n[tango]\nACCESS tcp/22\nTIME_OFFSET -2m\nNAT_ACCESS 10.0.0.2:22\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse(text, "tango")
		if err == nil && len(s.Key) == 0 {
			t.Error("no key, and no error")
		}
	})
}
