//go:build unix

package cli

import (
	"context"
	"net/netip"
	"os/exec"
	"strconv"
	"syscall"
)

// maxInherited is as far as descriptors are looked for that knockpipe was started
// with: those of a process that opens no more than the usual limit.
const maxInherited = 1024

// exec has another program knock, by sh -c. It learns where from its environment,
// and is killed with all its children at the deadline of ctx. What it prints goes
// to stderr, as stdout belongs to ssh; its stdin is empty, and it has no other
// descriptor, whatever knockpipe was started with.
func (t *target) exec(ctx context.Context, command string, to netip.Addr) error {
	late := context.WithoutCancel(ctx) // that a connect got in is no reason to kill it
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		late, cancel = context.WithDeadline(late, deadline)
		defer cancel()
	}
	for fd := 3; fd < maxInherited; fd++ {
		syscall.CloseOnExec(fd)
	}
	cmd := exec.CommandContext(late, "/bin/sh", "-c", command)
	cmd.Env = append(t.Env(), "KNOCK_HOST="+t.host, "KNOCK_ADDR="+to.String(), "KNOCK_PORT="+strconv.Itoa(int(t.port)))
	cmd.Stdout, cmd.Stderr = t.Stderr, t.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	if late.Err() != nil { // killed, and ctx is over in the same moment
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}
