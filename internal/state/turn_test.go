package state

import (
	"bufio"
	"context"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"knockpipe/proxy"
)

var door = netip.MustParseAddr("198.51.100.2")

// TestMain is also the process that is killed while it has its turn.
func TestMain(m *testing.M) {
	if dir := os.Getenv("STATE_HOLD_TURN"); dir != "" {
		(&Turns{Dir: dir}).Wait(context.Background(), door)
		os.Stdout.WriteString("mine\n")
		io.Copy(io.Discard, os.Stdin)
	}
	os.Exit(m.Run())
}

func TestTurnWithoutFolder(t *testing.T) {
	t.Chdir(t.TempDir()) // where nothing may be written
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "none")} {
		turn := (&Turns{Dir: dir}).Wait(t.Context(), door)
		if turn.End == nil {
			t.Fatalf("folder %q: no turn", dir)
		}
		turn.End(time.Second)
	}
	if files, _ := filepath.Glob("turn*"); len(files) > 0 {
		t.Errorf("without a folder, %v are in the current one", files)
	}
}

// TestTurns lets twenty wait for one turn: none hears of its end too early, all hear its
// result, and then one at a time has a turn.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := &Turns{poll: true, Dir: t.TempDir()}
		first := turns.Wait(t.Context(), door)
		if first.End == nil {
			t.Fatal("no turn though nobody has one")
		}
		other := turns.Wait(t.Context(), netip.MustParseAddr("198.51.100.3"))
		if other.End == nil {
			t.Error("no turn at another door")
		}
		told := make(chan proxy.Turn, 20)
		for range 20 {
			go func() { told <- turns.Wait(t.Context(), door) }()
		}
		time.Sleep(time.Second)
		synctest.Wait() // until all of them do wait
		select {
		case turn := <-told:
			t.Fatalf("told %v before the end", turn)
		default:
		}
		first.End(50 * ms)
		start := time.Now()
		for range 20 {
			if turn := <-told; turn.End != nil || turn.Took != 50*ms {
				t.Errorf("got %v, want to be told of 50ms", turn)
			}
		}
		if took, most := time.Since(start), longest*5/4; took > most {
			t.Errorf("the last was told after %v, want at most %v", took, most)
		}

		having := 0
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				turn := turns.Wait(t.Context(), door)
				if turn.End == nil {
					t.Errorf("got %v though nobody gets in, want a turn", turn)
					return
				}
				mu.Lock()
				if having++; having > 1 {
					t.Errorf("%d have their turn at the same time", having)
				}
				mu.Unlock()
				time.Sleep(ms)
				mu.Lock()
				having--
				mu.Unlock()
				turn.End(0)
			})
		}
		wg.Wait()
	})
}

// TestTurnNews has the next turn come and go before the waiter looks. The waiter still
// hears of one that got in, and not of one that did not.
func TestTurnNews(t *testing.T) {
	for _, tt := range []struct {
		ends []time.Duration // of the turns that follow each other at once
		want time.Duration   // what the waiter hears; zero for a turn of its own
	}{
		{[]time.Duration{50 * ms}, 50 * ms},
		{[]time.Duration{50 * ms, 0}, 50 * ms},
		{[]time.Duration{0, 50 * ms, 0, 0}, 50 * ms},
		{[]time.Duration{50 * ms, 70 * ms}, 70 * ms}, // the later says as much
		{[]time.Duration{1}, time.Microsecond},
		{[]time.Duration{time.Hour}, maxTook},
		{[]time.Duration{0}, 0},
		{[]time.Duration{0, 0, 0}, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			turns := &Turns{poll: true, Dir: t.TempDir()}
			turns.Wait(t.Context(), door).End(30 * ms) // old news
			held := turns.Wait(t.Context(), door)
			if held.End == nil {
				t.Fatalf("got %v, want a turn: the news is older than the wait", held)
			}
			told := make(chan proxy.Turn)
			go func() { told <- turns.Wait(t.Context(), door) }()
			time.Sleep(time.Second)
			synctest.Wait()
			for i, took := range tt.ends {
				if i > 0 {
					if held = turns.Wait(t.Context(), door); held.End == nil {
						t.Fatalf("got %v, want a turn", held)
					}
				}
				held.End(took)
			}
			turn := <-told
			if mine := turn.End != nil; turn.Took != tt.want || mine != (tt.want == 0) {
				t.Errorf("turns ended with %v: told %v, a turn of its own: %v; want %v", tt.ends, turn.Took, mine, tt.want)
			}
			if turn.End != nil {
				turn.End(0)
			}
		})
	}
}

// TestTurnFile looks at what is left of a turn: one file, which does not show the address.
func TestTurnFile(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		(&Turns{Dir: dir, poll: true}).Wait(t.Context(), door).End(50 * ms)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("got %v, %v, want one file", files, err)
	}
	info, err := files[0].Info()
	if err != nil || info.Size() != newsSize || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("got %v, %v, want mode 0600 and %d bytes", info, err, newsSize)
	}
	path := filepath.Join(dir, files[0].Name())
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{door.String(), string(door.AsSlice())} {
		if strings.Contains(path+string(text), secret) {
			t.Errorf("%q shows the address", secret)
		}
	}
	// Whatever a file holds, the next process has its turn, and its news is read.
	for _, text := range []string{"x", strings.Repeat("\xff", newsSize), strings.Repeat("x", 1000)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			turns := &Turns{poll: true, Dir: dir}
			held := turns.Wait(t.Context(), door)
			if held.End == nil {
				t.Fatalf("%.30q: got %v, want a turn", text, held)
			}
			told := make(chan proxy.Turn)
			go func() { told <- turns.Wait(t.Context(), door) }()
			synctest.Wait()
			held.End(50 * ms)
			if turn := <-told; turn.Took != 50*ms {
				t.Errorf("%.30q: got %v, want to be told of 50ms", text, turn)
			}
		})
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path+".moved", path); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	(&Turns{poll: true, Dir: dir}).Wait(t.Context(), door).End(70 * ms)
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("it has written through a link")
	}
}

// TestTurnOfTheKilled kills the process that has its turn.
func TestTurnOfTheKilled(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STATE_HOLD_TURN="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "mine\n" {
		t.Fatalf("got %q, %v, want it to have its turn", line, err)
	}
	told := make(chan proxy.Turn)
	go func() { told <- (&Turns{Dir: dir}).Wait(t.Context(), door) }()
	cmd.Process.Kill()
	cmd.Wait()
	turn := <-told
	if turn.Took != 0 {
		t.Errorf("got %v, want no news of an open port", turn)
	}
	if turn.End == nil {
		t.Errorf("got %v, want a turn", turn)
	}
}

// TestTurnOfTheStopped has one process keep its turn for ever. The others go on without
// it.
func TestTurnOfTheStopped(t *testing.T) {
	turns := &Turns{Dir: t.TempDir(), Patience: 100 * time.Millisecond}
	first := turns.Wait(t.Context(), door)
	defer first.End(0)
	start := time.Now()
	second := turns.Wait(t.Context(), door)
	if second.End == nil || time.Since(start) < turns.Patience {
		t.Fatalf("got %v after %v, want a turn after %v", second, time.Since(start), turns.Patience)
	}
	second.End(0)
}

// TestTurnOfTheKnown waits out the patience with a process that was stopped once, not
// again in each wait.
func TestTurnOfTheKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := &Turns{poll: true, Dir: t.TempDir(), Patience: 3 * time.Second}
		defer (&Turns{poll: true, Dir: turns.Dir}).Wait(t.Context(), door).End(0)
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		for _, want := range []time.Duration{3 * time.Second, 0, 0} {
			start := time.Now()
			turn := turns.Wait(ctx, door)
			if took := time.Since(start).Round(10 * ms); turn.End == nil || took != want {
				t.Fatalf("got %v after %v, want a turn after %v", turn, took, want)
			}
			turn.End(0)
		}
	})
}

// TestTurnInTime checks that time to knock is left, however many were stopped and however
// little time there is.
func TestTurnInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for range places {
			defer (&Turns{poll: true, Dir: dir, Patience: time.Second}).Wait(t.Context(), door).End(0)
		}
		for _, limit := range []time.Duration{time.Second, 8 * time.Second} {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			start := time.Now()
			turn := (&Turns{poll: true, Dir: dir, Patience: 3500 * ms}).Wait(ctx, door)
			if took := time.Since(start); turn.End == nil || took > limit*9/10 {
				t.Errorf("got %v after %v of %v, want to go on before that", turn, took, limit)
			}
		}
	})
}

// TestTurnOfAnotherAddress has two addresses share the lock: neither waits for the other.
func TestTurnOfAnotherAddress(t *testing.T) {
	dir := t.TempDir()
	turns := &Turns{Dir: dir}
	turns.Wait(t.Context(), door).End(50 * ms)
	first := func() string {
		files, err := filepath.Glob(filepath.Join(dir, "turn-??"))
		if err != nil || len(files) == 0 {
			t.Fatalf("got %v, %v, want a lock", files, err)
		}
		return files[0]
	}()
	for other := door.Next(); ; other = other.Next() {
		apart := &Turns{Dir: t.TempDir()}
		apart.Wait(t.Context(), other).End(0)
		if _, err := os.Stat(filepath.Join(apart.Dir, filepath.Base(first))); err != nil {
			continue
		}
		held := turns.Wait(t.Context(), door)
		defer held.End(0)
		turn := turns.Wait(t.Context(), other)
		if turn.End == nil {
			t.Fatalf("got %v, want a turn", turn)
		}
		turn.End(0)
		return
	}
}

// TestTurnFiles counts what many addresses leave.
func TestTurnFiles(t *testing.T) {
	turns := &Turns{Dir: t.TempDir()}
	addr := door
	for range 2000 {
		turns.Wait(t.Context(), addr).End(50 * ms)
		addr = addr.Next()
	}
	files, err := os.ReadDir(turns.Dir)
	if err != nil || len(files) > 2*256 {
		t.Errorf("%d files are left, %v, want two for each of 256 locks", len(files), err)
	}
}

// TestTurnPatience lets many turns go by, none of which takes long: a process that
// waits for all of them does not run out of patience, and the turns stay one at a time.
func TestTurnPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := &Turns{poll: true, Dir: t.TempDir(), Patience: 100 * ms}
		var mu sync.Mutex
		having := 0
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				turn := turns.Wait(t.Context(), door)
				mu.Lock()
				if having++; having > 1 {
					t.Errorf("%d have their turn at the same time", having)
				}
				mu.Unlock()
				time.Sleep(60 * ms)
				mu.Lock()
				having--
				mu.Unlock()
				turn.End(0)
			})
		}
		wg.Wait()
	})
}

// TestTurnDeadline gives up waiting.
func TestTurnDeadline(t *testing.T) {
	turns := &Turns{Dir: t.TempDir()}
	first := turns.Wait(t.Context(), door)
	defer first.End(0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if turn := turns.Wait(ctx, door); turn.End != nil || turn.Took != 0 {
		t.Errorf("got %v, want nothing", turn)
	}
}

// TestTurnCancelled gives up in the middle of a wait, at once.
func TestTurnCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := &Turns{poll: true, Dir: t.TempDir(), Patience: time.Hour}
		first := turns.Wait(t.Context(), door)
		defer first.End(0)
		const after = 1234567 * time.Microsecond
		ctx, cancel := context.WithCancel(t.Context())
		defer time.AfterFunc(after, cancel).Stop()
		start := time.Now()
		if turn := turns.Wait(ctx, door); turn.End != nil || turn.Took != 0 {
			t.Errorf("got %v, want nothing", turn)
		}
		if took := time.Since(start); took != after {
			t.Errorf("it returned after %v, and the time was up after %v", took, after)
		}
	})
}
