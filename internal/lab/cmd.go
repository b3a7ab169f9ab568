//go:build linux

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Cmd is an [exec.Cmd] that runs on a host.
type Cmd struct {
	*exec.Cmd
	host *Host
}

// Command returns a command that runs a program on the host, at most until the test ends.
// It has the test's environment, but the host's own XDG directories.
func (h *Host) Command(name string, args ...string) *Cmd {
	return h.CommandContext(h.t.Context(), name, args...)
}

// CommandContext is Command for a program that is killed when ctx is done.
func (h *Host) CommandContext(ctx context.Context, name string, args ...string) *Cmd {
	c := exec.CommandContext(ctx, program(name), args...)
	c.Args[0] = name
	c.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+h.Own, "XDG_STATE_HOME="+h.Own)
	c.WaitDelay = 5 * time.Second // for what it left in the background with its output
	return &Cmd{c, h}
}

// Start is [exec.Cmd.Start] on the host.
func (c *Cmd) Start() error {
	var err error
	c.host.Do(func() { err = c.Cmd.Start() })
	if err != nil {
		return err
	}
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	c.host.started = append(c.host.started, c.Process)
	return nil
}

// Run is [exec.Cmd.Run] on the host.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output is [exec.Cmd.Output] on the host.
func (c *Cmd) Output() ([]byte, error) {
	var stdout, stderr bytes.Buffer
	c.Stdout = &stdout
	if c.Stderr == nil {
		c.Stderr = &stderr
	}
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		exit.Stderr = stderr.Bytes()
	}
	return stdout.Bytes(), err
}

// CombinedOutput is [exec.Cmd.CombinedOutput] on the host.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return out.Bytes(), err
}

// StartPty starts the command on a new terminal and returns the terminal's other side:
// the test writes what is typed and reads what the command shows. A read after the end of
// the command fails with EIO.
func (c *Cmd) StartPty(t testing.TB) *os.File {
	t.Helper()
	screen, terminal, err := openPty()
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	t.Cleanup(func() { screen.Close() })
	defer terminal.Close()
	c.Stdin, c.Stdout, c.Stderr = terminal, terminal, terminal
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatalf("lab: %v", err)
	}
	return screen
}

// openPty opens both sides of a new terminal.
func openPty() (screen, terminal *os.File, err error) {
	screen, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	raw, err := screen.SyscallConn() // File.Fd would make reads block a thread
	if err != nil {
		return nil, nil, err
	}
	var number int
	if e := raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); e != nil {
		err = e
	}
	if err == nil {
		terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		screen.Close()
		return nil, nil, fmt.Errorf("terminal: %w", err)
	}
	return screen, terminal, nil
}
