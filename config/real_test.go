package config_test

import (
	"cmp"
	"os"
	"strconv"
	"strings"
	"testing"

	"knockpipe/config"
)

// TestReal reads files as other programs write them. Each line that is one of
// ours has its Port beside it, so ssh can be asked, too.
func TestReal(t *testing.T) {
	tests := []struct{ file, host, want string }{
		// none of its blocks applies
		{"netbird", "peer9.netbird.cloud", ""},
		{"orbstack", "orb", ""}, // only a command could tell
		{"fedora", "host.example.org", "1003"},

		{"fedora", "tango", "1001"},
		{"fedora", "backup", "1002"},
		{"orbstack", "tango", "2001"},
		{"netbird", "tango", "3001"},
		{"windows", "tango", "4001"},
		{"windows", "server 2", "4002"},
		{"windows", "other", "4003"},
	}
	for _, tt := range tests {
		path := "testdata/" + tt.file
		s, err := config.Sources{File: path, LocalUser: "root", Env: os.Getenv}.Load(query(tt.host, ""))
		if err != nil {
			t.Errorf("%s, %s: %v", tt.file, tt.host, err)
			continue
		}
		if got := s.Knock.String(); got != tt.want {
			t.Errorf("%s, %s: got %v, want %v", tt.file, tt.host, got, tt.want)
		}
		port := ""
		if s.Port != 0 {
			port = strconv.Itoa(int(s.Port))
		}
		if port != tt.want {
			t.Errorf("%s, %s: got port %v, want %v", tt.file, tt.host, port, tt.want)
		}
	}
}

// TestRealSSH asks ssh for the settings in the same files.
func TestRealSSH(t *testing.T) {
	needSSH(t)
	for _, tt := range []struct{ file, host, want string }{
		{"netbird", "peer9.netbird.cloud", ""},
		{"fedora", "tango", "1001"},
		{"fedora", "backup", "1002"},
		{"fedora", "host.example.org", "1003"},
		{"orbstack", "tango", "2001"},
		{"netbird", "tango", "3001"},
		{"windows", "tango", "4001"},
		{"windows", "other", "4003"},
	} {
		said, ok := askSSH(t, "testdata/"+tt.file, query(tt.host, ""))
		if want := cmp.Or(tt.want, "22"); !ok || said["port"] != want {
			t.Errorf("%s, %s: ssh says port %v, want %v", tt.file, tt.host, said["port"], want)
		}
	}
}

// TestWindows makes sure that no editor or checkout took the line ends away.
func TestWindows(t *testing.T) {
	text, err := os.ReadFile("testdata/windows")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\r\n"); n < 10 || n != strings.Count(string(text), "\n") {
		t.Errorf("testdata/windows has %d lines that end with CRLF of %d", n, strings.Count(string(text), "\n"))
	}
}
