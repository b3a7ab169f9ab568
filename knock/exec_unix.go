//go:build unix

package knock

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"syscall"
)

// maxInherited is as far as descriptors are looked for that this process was started
// with: those of a process that opens no more than the usual limit.
const maxInherited = 1024

// send has the program knock, by sh -c. It learns where from its environment. What it
// prints goes to stderr, as stdout belongs to ssh; its stdin is empty, and it has no
// other descriptor, whatever this process was started with.
//
// It is killed with all its children at the deadline of ctx, or where ctx has another
// cause to end than that it was canceled: nobody wants the knock any more then. If it was
// just canceled, a connect got in, which is no reason to kill it: the sender waits for it.
func (e Exec) send(ctx context.Context, s *Sender) error {
	if e.env == nil {
		return errors.New("not loaded")
	}
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	if deadline, ok := ctx.Deadline(); ok {
		late, cancel = context.WithDeadline(late, deadline)
	}
	for fd := 3; fd < maxInherited; fd++ {
		syscall.CloseOnExec(fd)
	}
	cmd := exec.CommandContext(late, "/bin/sh", "-c", e.Command)
	cmd.Env = append(e.env.Environ(), "KNOCK_HOST="+e.env.Host, "KNOCK_ADDR="+s.To.String(), "KNOCK_PORT="+strconv.Itoa(int(s.Port)))
	cmd.Stdout, cmd.Stderr = e.env.Stderr, e.env.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		cancel()
		return err
	}
	ended := make(chan error, 1)
	s.left.Go(func() {
		defer cancel()
		err := cmd.Wait()
		if late.Err() != nil { // it was killed
			err = late.Err()
		}
		ended <- err
	})
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		if context.Cause(ctx) != context.Canceled {
			cancel()
			<-ended
		}
		err = ctx.Err()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		<-ctx.Done() // in the same moment
	}
	return err
}
