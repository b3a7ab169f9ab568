package ip

import (
	"strings"
	"testing"
)

func TestBadName(t *testing.T) {
	for _, name := range []string{"", "-", "-sevil", "a b", "a\n", "\x00", "a\x7f", "a\u0080b", "a\u009b31m", strings.Repeat("a", maxName+1)} {
		if !BadName(name) {
			t.Errorf("%.40q: got a name, want a bad one", name)
		}
	}
	for _, name := range []string{"a", "tango.example.org", "a-", "m\u00fcnchen", "_ssh._tcp", "fe80::1%eth0", strings.Repeat("a", maxName)} {
		if BadName(name) {
			t.Errorf("%.40q: got a bad name", name)
		}
	}
}
