package state

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
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
	for _, text := range []string{"", "x", strings.Repeat("\xff", openedSize), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		if err := os.WriteFile(files[0], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := o.Latest(to); got != 0 {
			t.Errorf("a file that holds %q: got %v", text, got)
		}
	}
	Opened{Dir: "/nonexistent", Open: time.Hour}.Keep(to, time.Second)
}

// TestOpenedDoubt has processes follow in vain. For some time none follows, though others
// open the door: longer each time, until one gets in.
func TestOpenedDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := netip.MustParseAddrPort("198.51.100.2:22")
		o := Opened{Dir: t.TempDir(), Open: 7 * time.Second}
		inVain := func() (doubt time.Duration) {
			for range 40 { // at the same time
				o.Doubt(to)
			}
			for start := time.Now(); ; time.Sleep(time.Second) {
				o.Keep(to, 50*time.Millisecond)
				switch got := o.Latest(to); got {
				case 0:
				case 50 * time.Millisecond:
					return time.Since(start)
				default:
					t.Fatalf("got %v", got)
				}
			}
		}
		for range 2 {
			for n, want := range []time.Duration{leastDoubt, 2 * leastDoubt, 4 * leastDoubt} {
				if got := inVain(); got != want {
					t.Errorf("time %d: none followed for %v, want %v", n, got, want)
				}
				time.Sleep(time.Minute)
			}
			o.Trust(to)
		}
		for range 20 {
			inVain()
		}
		if got := inVain(); got != mostDoubt {
			t.Errorf("at last, none followed for %v, want %v", got, mostDoubt)
		}
	})
}

// TestOpenedClock sets the clock back: what lies in the future says nothing.
func TestOpenedClock(t *testing.T) {
	to := netip.MustParseAddrPort("198.51.100.2:22")
	o := Opened{Dir: t.TempDir(), Open: time.Hour}
	o.write(to, passage{at: time.Now().Add(time.Minute), took: time.Second})
	if got := o.Latest(to); got != 0 {
		t.Errorf("got %v for a door opened in the future", got)
	}
	o.write(to, passage{at: time.Now(), took: time.Second, vain: time.Now().Add(time.Minute), doubt: leastDoubt})
	if got := o.Latest(to); got != time.Second {
		t.Errorf("got %v after a doubt in the future", got)
	}
}
