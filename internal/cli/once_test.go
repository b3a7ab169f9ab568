package cli

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"knockpipe/knock"
	"knockpipe/knock/once"
	"knockpipe/proxy"
)

// TestOnceOrder looks at what is sent from a list, try by try, and at what is struck
// for a connect that came after each of them. A try that did not leave this machine
// does not count.
func TestOnceOrder(t *testing.T) {
	addr := netip.MustParseAddr("198.51.100.2")
	tests := []struct {
		name, list, fails string // the tries that fail, as digits
		want              string // the first port of each try
		struck            []int  // for a connect after each try that did not fail
	}{
		{"new", " 1\n 2\n 3\n 4\n", "", "112111", []int{1, 1, 2, 1, 1, 1}},
		{"sent before", "\t1\n\t2\n 3\n 4\n", "", "112311", []int{1, 1, 2, 3, 1, 1}},
		{"a failure", " 1\n 2\n 3\n 4\n", "1", "111211", []int{1, 1, 2, 1, 1}},
		{"a failure ahead", " 1\n 2\n 3\n 4\n", "2", "112211", []int{1, 1, 2, 1, 1}},
		{"the last one", " 4\n", "", "444444", []int{1, 1, 1, 1, 1, 1}},
	}
	for _, tt := range tests {
		for winner := range tt.struck {
			path := filepath.Join(t.TempDir(), "list")
			if err := os.WriteFile(path, []byte(tt.list), 0o600); err != nil {
				t.Fatal(err)
			}
			o := &onceList{path: path, sent: make(map[netip.Addr][]int)}
			got := ""
			for try := range len(tt.want) {
				o.knock(t.Context(), addr, func(seq knock.Sequence) error {
					got += seq.String()
					if strings.Contains(tt.fails, string(rune('0'+try))) {
						return errors.New("no")
					}
					return nil
				})
			}
			if got != tt.want {
				t.Errorf("%s: sent %s, want %s", tt.name, got, tt.want)
			}
			var said strings.Builder
			o.strike(proxy.Opening{Addr: addr, Tries: winner + 1}, &reporter{stderr: &said})
			text, _ := os.ReadFile(path)
			if struck := strings.Count(string(text), "#"); struck != tt.struck[winner] {
				t.Errorf("%s: struck %d for try %d, want %d: %q", tt.name, struck, winner+1, tt.struck[winner], text)
			}
			if err := o.knock(context.Background(), addr, func(knock.Sequence) error { return nil }); err == nil {
				t.Errorf("%s: one more was sent after the end", tt.name)
			}
			if list, err := once.Open(path); err == nil {
				list.Close()
			} else if !errors.Is(err, once.ErrUsedUp) {
				t.Errorf("%s: not free again: %v", tt.name, err)
			}
		}
	}
}

// TestOnceWarns warns once when few are left, whatever number is jumped over, and
// when knockd would die of the next.
func TestOnceWarns(t *testing.T) {
	addr := netip.MustParseAddr("198.51.100.2")
	for _, tt := range []struct {
		left, struck int
		want         string
	}{
		{8, 1, ""},
		{6, 1, "5 sequences are left"},
		{6, 2, "4 sequences are left"},
		{5, 1, ""},
		{2, 1, "1 sequence is left, and knockd 0.8 dies of using the last: make a new list by knockpipe -once 100 FILE, and copy it to the server"},
		{1, 1, "no sequence is left: make a new list by knockpipe -once 100 FILE, and copy it to the server"},
	} {
		path := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(path, []byte(strings.Repeat(" 1,2\n", tt.left)), 0o600); err != nil {
			t.Fatal(err)
		}
		o := &onceList{path: path, sent: map[netip.Addr][]int{addr: {tt.struck - 1}}}
		if _, _, err := o.next(t.Context(), addr); err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		o.strike(proxy.Opening{Addr: addr, Tries: 1}, &reporter{stderr: &said})
		got := strings.TrimSuffix(strings.TrimPrefix(said.String(), "knockpipe: once:"+path+": "), "\n")
		if got != tt.want {
			t.Errorf("%d of %d struck: got %q, want %q", tt.struck, tt.left, got, tt.want)
		}
	}
}
