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
	"sync"
	"testing"
	"time"
)

var door = netip.MustParseAddr("198.51.100.2")

// TestMain is also the process that is killed while it has its turn.
func TestMain(m *testing.M) {
	if dir := os.Getenv("STATE_HOLD_TURN"); dir != "" {
		Turns{Dir: dir}.Wait(context.Background(), door)
		os.Stdout.WriteString("mine\n")
		io.Copy(io.Discard, os.Stdin)
	}
	os.Exit(m.Run())
}

func TestTurnWithoutFolder(t *testing.T) {
	t.Chdir(t.TempDir()) // where nothing may be written
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "none")} {
		turn := Turns{Dir: dir}.Wait(t.Context(), door)
		if turn.End == nil {
			t.Fatalf("folder %q: no turn", dir)
		}
		turn.End(time.Second)
	}
	if files, _ := filepath.Glob("*.turn"); len(files) > 0 {
		t.Errorf("without a folder, %v are in the current one", files)
	}
}

// TestTurns has twenty wait for one: none is told before its end, all are told
// what it says, and then one at a time has a turn.
func TestTurns(t *testing.T) {
	turns := Turns{Dir: t.TempDir()}
	first := turns.Wait(t.Context(), door)
	if first.End == nil {
		t.Fatal("no turn though nobody has one")
	}
	other := turns.Wait(t.Context(), netip.MustParseAddr("198.51.100.3"))
	if other.End == nil {
		t.Error("no turn at another door")
	}
	told := make(chan Turn)
	for range 20 {
		go func() { told <- turns.Wait(t.Context(), door) }()
	}
	select {
	case turn := <-told:
		t.Fatalf("told %v before the end", turn)
	default:
	}
	first.End(50 * time.Millisecond)
	for range 20 {
		switch turn := <-told; {
		case turn.End != nil: // it came so late that the turn was free
			turn.End(0)
		case turn.Took != 50*time.Millisecond && turn.Took != 0: // by one that came late
			t.Errorf("got %v, want to be told of 50ms", turn)
		}
	}

	var mu sync.Mutex
	having := 0
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for {
				turn := turns.Wait(t.Context(), door)
				if turn.End == nil {
					time.Sleep(time.Millisecond) // as a knocker would
					continue
				}
				mu.Lock()
				if having++; having > 1 {
					t.Errorf("%d have their turn at the same time", having)
				}
				mu.Unlock()
				runtime.Gosched()
				mu.Lock()
				having--
				mu.Unlock()
				turn.End(0)
				return
			}
		})
	}
	wg.Wait()
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
	told := make(chan Turn)
	go func() { told <- Turns{Dir: dir}.Wait(t.Context(), door) }()
	cmd.Process.Kill()
	cmd.Wait()
	if turn := <-told; turn.Took != 0 {
		t.Errorf("got %v, want no news of an open port", turn)
	}
}

// TestTurnOfTheStopped has one keep its turn for ever: the others go on without it.
func TestTurnOfTheStopped(t *testing.T) {
	turns := Turns{Dir: t.TempDir(), Patience: 100 * time.Millisecond}
	first := turns.Wait(t.Context(), door)
	defer first.End(0)
	start := time.Now()
	second := turns.Wait(t.Context(), door)
	if second.End == nil || time.Since(start) < turns.Patience {
		t.Fatalf("got %v after %v, want a turn after %v", second, time.Since(start), turns.Patience)
	}
	second.End(0)
}

// TestTurnDeadline gives up waiting.
func TestTurnDeadline(t *testing.T) {
	turns := Turns{Dir: t.TempDir()}
	first := turns.Wait(t.Context(), door)
	defer first.End(0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if turn := turns.Wait(ctx, door); turn.End != nil || turn.Took != 0 {
		t.Errorf("got %v, want nothing", turn)
	}
}
