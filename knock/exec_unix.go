//go:build unix

package knock

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// maxInherited is the highest descriptor to look at for those that this process
// inherited: the usual limit of open files.
const maxInherited = 1024

// shellScript runs the command. It reads the command from a pipe, because other users can
// see the arguments of a process. The pipe stays open as long as this process lives. When
// this process ends in any way, a background process kills the process group with
// everything that the command has started. The background process is not a child of the
// shell, because a plain wait in the command would wait for it.
const shellScript = `IFS= read -r knock_command <&3
( ( read end; kill -9 0 ) <&3 & ) >/dev/null 2>&1
exec 3<&-
eval "unset knock_command; $knock_command"`

// drainTime is how long the output of a command may go on after its end.
const drainTime = 100 * time.Millisecond

// send lets the program knock, by sh. The environment tells it where. Its output goes to
// stderr, because stdout belongs to ssh. Its stdin is empty, and it inherits no other
// descriptor.
//
// When the program ends, everything that it has started is killed. The program itself is
// killed at the deadline of ctx, when this process ends, or when ctx ends with a cause
// other than context.Canceled, because then nobody wants the knock any more. If ctx was
// only canceled, a connect got in. The program then runs on, and the sender waits for it.
func (e Exec) send(ctx context.Context, s *Sender) error {
	if e.env == nil {
		return errors.New("not loaded")
	}
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	if deadline, ok := ctx.Deadline(); ok {
		late, cancel = context.WithDeadline(late, deadline)
	}
	c, err := e.start(late, s)
	if err != nil {
		cancel()
		return err
	}
	ended := make(chan error, 1)
	s.left.Go(func() {
		defer cancel()
		err := c.wait()
		if late.Err() != nil { // it was killed
			err = late.Err()
		}
		ended <- err
	})
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

// A command is the program while it runs.
type command struct {
	cmd    *exec.Cmd
	text   string
	input  *os.File      // where the shell reads the text from; the group lives as long as it is open
	output *os.File      // what the group prints
	copied chan struct{} // closed when all of that is on stderr
}

// start starts the program. The caller waits for it.
func (e Exec) start(ctx context.Context, s *Sender) (*command, error) {
	for fd := 3; fd < maxInherited; fd++ {
		syscall.CloseOnExec(fd)
	}
	text, input, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer text.Close()
	output, print, err := os.Pipe()
	if err != nil {
		input.Close()
		return nil, err
	}
	defer print.Close()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", shellScript, shellName)
	c := &command{cmd, e.Command, input, output, make(chan struct{})}
	cmd.Env = append(e.env.Environ(), "KNOCK_HOST="+e.env.Host, "KNOCK_ADDR="+s.To.String(), "KNOCK_PORT="+strconv.Itoa(int(s.Port)))
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = print, print, []*os.File{text}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = c.kill
	if err := cmd.Start(); err != nil {
		input.Close()
		output.Close()
		return nil, err
	}
	go func() {
		defer close(c.copied)
		(&shellFilter{to: e.env.Stderr}).copy(output)
	}()
	return c, nil
}

// kill ends the group. The background process stays in it until then, so that no other
// group can have its number.
func (c *command) kill() error { return syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) }

// wait gives the shell its text, waits for its end, and leaves nothing of it behind.
func (c *command) wait() error {
	c.input.WriteString(c.text + "\n") // a shell that is gone tells by its exit code
	err := c.cmd.Wait()
	c.kill()
	c.input.Close()
	c.output.SetReadDeadline(time.Now().Add(drainTime)) // for one that has left the group
	<-c.copied
	c.output.Close()
	return err
}
