//go:build linux

package lab

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A Host is a machine in the lab, with its own network, view of the files and process
// table. Its main device is eth0.
type Host struct {
	Name     string     // "client", "server" or "behind"
	IP4, IP6 netip.Addr // on eth0
	Own      string     // the folder for what its programs remember

	t     testing.TB
	calls chan func() // run by the host's thread
	netns string      // the path of its network namespace
	power io.Closer   // ends all its processes
	ends  []port      // of the link to eth0

	mu      sync.Mutex
	started []*os.Process // the first is init
}

// newHost makes a host that lasts as long as the test.
func newHost(t testing.TB, name string) *Host {
	t.Helper()
	h := &Host{Name: name, t: t, Own: t.TempDir(), calls: make(chan func())}
	ready := make(chan error)
	go h.run(ready)
	if err := <-ready; err != nil {
		skip(t, "no namespaces for a host: %v", err)
	}
	if err := h.boot(); err != nil {
		t.Fatalf("lab: init of %s: %v", name, err)
	}
	t.Cleanup(h.close)
	h.ip(t, "link set lo up")
	return h
}

// boot starts the host's init, which makes a process table that all later processes join.
// Init runs as long as its stdin is open, until close or the end of the test binary. The
// kernel ends all others with it.
func (h *Host) boot() error {
	// A program inherits the signals that its shell ignores. Init ignores the end of its
	// children, which are all orphans, so the kernel reaps them.
	init := h.CommandContext(context.Background(), "sh", "-c", `trap "" CHLD; exec cat`)
	init.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	stdin, err := init.StdinPipe()
	if err != nil {
		return err
	}
	if err := init.Start(); err != nil {
		return err
	}
	h.power = stdin
	table, err := os.Open(fmt.Sprintf("/proc/%d/ns/pid", init.Process.Pid))
	if err != nil {
		return err
	}
	defer table.Close()
	h.Do(func() { err = unix.Setns(int(table.Fd()), unix.CLONE_NEWPID) })
	return os.NewSyscallError("setns", err)
}

// run is the host's thread. It is never unlocked, so that it ends with this
// goroutine, and the namespaces with it.
func (h *Host) run(ready chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// The main thread lasts as long as the process, and is the one that
		// /proc/self shows. While it is locked here, another goroutine gets
		// another thread.
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.run(ready)
		}()
		<-done
		runtime.UnlockOSThread()
		return
	}
	h.netns = fmt.Sprintf("/proc/%d/task/%d/ns/net", unix.Getpid(), unix.Gettid())
	err := isolate()
	ready <- err
	if err != nil {
		return
	}
	for f := range h.calls {
		f()
	}
}

// Do runs f on the host's thread: sockets that f opens are the host's. It runs one f at a
// time. In f, goroutines and t.Fatal do not work as usual, because both leave the thread.
func (h *Host) Do(f func()) {
	done := make(chan struct{})
	h.calls <- func() {
		defer close(done)
		f()
	}
	<-done
}

// close ends the host's processes and then its thread.
func (h *Host) close() {
	h.power.Close()
	// Init first waits for the others, wherever their parent is.
	for _, p := range slices.Backward(h.started) {
		p.Wait() // an error if the test has waited for it already
	}
	close(h.calls)
}

// ip runs ip(8) with each line as its arguments.
func (h *Host) ip(t testing.TB, lines ...string) {
	t.Helper()
	cmd := h.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("lab: ip on %s: %v: %s", h.Name, err, out)
	}
}

// Sysctl sets a kernel parameter below net, such as net.ipv4.ip_forward, only for this
// host.
func (h *Host) Sysctl(t testing.TB, key, value string) {
	t.Helper()
	var err error
	h.Do(func() { err = sysctl(key, value) })
	if err != nil {
		t.Fatalf("lab: sysctl on %s: %v", h.Name, err)
	}
}
