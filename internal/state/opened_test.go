package state

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func TestOpened(t *testing.T) {
	to := netip.MustParseAddrPort("[2001:db8::2]:22")
	o := Opened{Dir: t.TempDir(), Open: time.Hour}
	if got := o.Latest(to); got != 0 {
		t.Errorf("got %v before anything was opened", got)
	}
	o.Keep(to, 50*time.Millisecond)
	if got, want := o.Latest(to), 50*time.Millisecond; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	o.Keep(to, 0)
	if got, want := o.Latest(to), time.Microsecond; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	for name, o := range map[string]Opened{"after a while": {o.Dir, -time.Second}, "no folder": {"", time.Hour}, "other folder": {t.TempDir(), time.Hour}} {
		if got := o.Latest(to); got != 0 {
			t.Errorf("%s: got %v", name, got)
		}
	}
	for _, other := range []string{"198.51.100.2:22", "[2001:db8::2]:2222"} {
		if got := o.Latest(netip.MustParseAddrPort(other)); got != 0 {
			t.Errorf("%v: got %v", other, got)
		}
	}
	files, err := filepath.Glob(o.Dir + "/*")
	if err != nil || len(files) != 1 {
		t.Fatalf("got %q, %v", files, err)
	}
	for _, text := range []string{"", "x", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		if err := os.WriteFile(files[0], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := o.Latest(to); got != 0 {
			t.Errorf("a file that holds %q: got %v", text, got)
		}
	}
	Opened{Dir: "/nonexistent", Open: time.Hour}.Keep(to, time.Second)
}

// TestOpenedDoubt has a process follow in vain. For some time none follows, though others
// open the door.
func TestOpenedDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := netip.MustParseAddrPort("198.51.100.2:22")
		o := Opened{Dir: t.TempDir(), Open: time.Hour}
		o.Keep(to, 50*time.Millisecond)
		o.Doubt(to)
		for range 10 {
			o.Keep(to, 50*time.Millisecond)
			if got := o.Latest(to); got != 0 {
				t.Fatalf("got %v after one followed in vain", got)
			}
			time.Sleep(doubtTime / 10)
		}
		o.Keep(to, 50*time.Millisecond)
		if got, want := o.Latest(to), 50*time.Millisecond; got != want {
			t.Errorf("later: got %v, want %v", got, want)
		}
	})
}
