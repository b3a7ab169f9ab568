package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"knockpipe/proxy"
)

// runPipe opens the host's door and then relays the session or, with -F, passes the
// connection to ssh.
func runPipe(o *options, process Process, report *reporter) error {
	start := time.Now()
	p, err := readyPlan(o, process)
	if err != nil {
		return err
	}
	sequences, err := p.knocks.Source()
	if err != nil {
		return &failure{code: exitUsage, err: err}
	}
	if o.pass {
		if err := p.checkPass(process.Stdout); err != nil {
			return err
		}
	}
	p.tell(report)
	limited, cancel := p.limit.since(start)
	defer cancel()
	client := newClient(process)
	if p.cleansUp() {
		client.catch()
	}
	ctx, stop := client.while(limited)
	defer stop()
	t, err := p.resolve(ctx, o.source, report)
	if err != nil {
		return cmp.Or(gone(ctx), err)
	}
	d := &door{plan: p, target: t, getenv: process.Getenv, report: report, sequences: sequences}
	conn, _, err := d.open(ctx, d.opener())
	stop()
	switch left := gone(ctx); {
	case left != nil:
		drop(conn)
		d.shut()
		return left
	case err != nil:
		err = &failure{code: report.fail(p.openFailure(err, t.addrs)), err: err, quiet: true}
		d.shut() // what may have opened too late
		return err
	}
	report.logf("open after %v", time.Since(start).Round(100*time.Microsecond))
	if o.pass {
		return pass(conn, process.Stdout, report)
	}
	return d.session(conn, client, process)
}

// checkPass finds out early whether -F can work.
func (p *plan) checkPass(stdout *os.File) error {
	if len(p.closing) > 0 {
		return &failure{code: exitUsage, err: fmt.Errorf("-F: %v: KnockClose: knockpipe has exited by the end of the session and cannot send it", p.settings.Origin("KnockClose")),
			hint: "remove -F and ProxyUseFdpass for this host, or set KnockClose none"}
	}
	if err := proxy.CanPass(stdout); err != nil {
		hint := "-F needs ProxyUseFdpass yes in the ssh config: set both or neither"
		if runtime.GOOS == "windows" {
			hint = "remove -F and ProxyUseFdpass"
		}
		return &failure{code: exitUsage, err: fmt.Errorf("-F: stdout: %w", err), hint: hint}
	}
	return nil
}

// pass hands the connection to ssh.
func pass(conn *net.TCPConn, stdout *os.File, report *reporter) error {
	if err := proxy.Pass(conn, stdout); err != nil {
		return &failure{code: exitNetwork, err: fmt.Errorf("-F: stdout: %w", err)}
	}
	report.logf("connection passed to ssh")
	return nil
}

// session relays the open connection. It ends when ssh sends a signal, closes both pipes
// or is killed.
func (d *door) session(conn *net.TCPConn, client *client, process Process) error {
	signal.Ignore(syscall.SIGPIPE) // a stdout that nobody reads is an error to report
	switch ctrlC := os.Interrupt; {
	case fromProgram(process.Stdin):
		client.leave(ctrlC)
		signal.Ignore(ctrlC) // it is for ssh, which is in the same process group
	case len(d.plan.closing) == 0:
		client.leave(ctrlC)
	}
	start := time.Now()
	traffic := new(proxy.Traffic)
	defer time.AfterFunc(settling, proxy.MakeThreads).Stop()
	ctx, stop := client.signaled(context.Background())
	err := proxy.Splice(ctx, conn, process.Stdin, process.Stdout, traffic)
	stop()
	if left := gone(ctx); left != nil {
		d.report.logf("%v", left)
	}
	d.report.logf("session ended after %v: %d bytes sent, %d received",
		time.Since(start).Round(100*time.Microsecond), traffic.Sent.Load(), traffic.Received.Load())
	process.Stdout.Close() // nobody need wait for the door
	d.shut()
	switch {
	case errors.Is(err, syscall.EPIPE):
		return &failure{code: exitNetwork, err: errors.New("stdout: its reader is gone")}
	case err != nil:
		return networkFailure(fmt.Sprintf("%s port %d", d.plan.host, d.plan.port), err)
	}
	return nil
}

// drop resets a connection that was made just as its client went away. It may be nil.
func drop(conn *net.TCPConn) {
	if conn != nil {
		conn.SetLinger(0)
		conn.Close()
	}
}

// remote is the address at the other end.
func remote(conn *net.TCPConn) netip.Addr {
	return conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
}

// fromProgram reports whether a program, and not a person, is at the other end of f.
func fromProgram(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0
}
