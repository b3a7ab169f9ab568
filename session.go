package main

import (
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

	"knockpipe/knock"
	"knockpipe/proxy"
)

// hangupTime is how long a session goes on after ssh's signal that it ends.
const hangupTime = 2 * time.Second

// closeTime bounds the closing sequence, which nobody waits for.
const closeTime = 10 * time.Second

// checkPass finds out early what would keep -F from working.
func (p *plan) checkPass() error {
	if !p.pass {
		return nil
	}
	for _, e := range p.settings.Entries() {
		if e.Keyword == "knockclose" && len(p.settings.KnockClose) > 0 {
			return &failure{code: exitUsage, err: fmt.Errorf("-F: %v: KnockClose: nothing is left to send it when the session ends", e.Origin),
				hint: "leave -F and ProxyUseFdpass out for this host, or set KnockClose none"}
		}
	}
	if err := proxy.CanPass(os.Stdout); err != nil {
		hint := "-F is for ssh with ProxyUseFdpass yes; leave out both, or set both"
		if runtime.GOOS == "windows" {
			hint = "leave out -F and ProxyUseFdpass"
		}
		return &failure{code: exitUsage, err: fmt.Errorf("-F: stdout: %w", err), hint: hint}
	}
	return nil
}

// session is what happens on the open connection.
func (t *target) session(conn net.Conn) error {
	if t.pass {
		if err := proxy.Pass(conn, os.Stdout); err != nil {
			return &failure{code: exitNetwork, err: fmt.Errorf("-F: stdout: %w", err)}
		}
		t.report.logf("connection passed to ssh")
		return nil
	}
	signal.Ignore(syscall.SIGPIPE) // a stdout that nobody reads is an error to report
	if fromProgram(os.Stdin) {
		signal.Ignore(os.Interrupt) // Ctrl-C is for ssh, which is in the same process group
		if runtime.GOOS == "linux" {
			// ssh sends it when it ends. To die of it would reset the connection if
			// anything has come in meanwhile; that both pipes are closed then is
			// noticed anyway, and gives sshd the time for an orderly end.
			signal.Ignore(syscall.SIGHUP)
		}
	}
	start := time.Now()
	traffic := new(proxy.Traffic)
	ended := make(chan error, 1)
	go func() { ended <- proxy.Splice(conn, os.Stdin, os.Stdout, traffic) }()
	var err error
	if len(t.settings.KnockClose) == 0 {
		err = <-ended
	} else {
		to := remote(conn)
		ends := make(chan os.Signal, 1)
		signal.Notify(ends, syscall.SIGHUP, syscall.SIGTERM)
		select {
		case err = <-ended:
		case s := <-ends:
			t.report.logf("%v", s)
			if s == syscall.SIGHUP { // ssh is about to close its side
				select {
				case err = <-ended:
				case <-time.After(hangupTime):
				}
			}
		}
		t.closeDoor(to)
	}
	t.report.logf("session ended after %v: %d bytes sent, %d received",
		time.Since(start).Round(100*time.Microsecond), traffic.Sent.Load(), traffic.Received.Load())
	switch {
	case errors.Is(err, syscall.EPIPE):
		return &failure{code: exitNetwork, err: errors.New("stdout: its reader is gone")}
	case err != nil:
		return networkFailure(fmt.Sprintf("%s port %d", t.host, t.port), err)
	}
	return nil
}

// closeDoor sends the closing sequence, slowly enough for a door that counts the
// order.
func (t *target) closeDoor(to netip.Addr) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	shared := t.share()
	turn := shared.turn(ctx, to)
	if turn.End != nil {
		defer turn.End(0)
	}
	sender := knock.Sender{To: t.door(to), Source: t.sources.For(to), Exec: t.exec, Port: t.port, Stanzas: t.stanzas, Logf: t.report.logf2,
		Gap: max(knockOnlyGap, t.settings.KnockDelay, shared.pace(to).Gap)}
	if err := sender.Send(ctx, t.settings.KnockClose); err != nil {
		t.report.logf("closing sequence: %v", err)
		return
	}
	t.report.logf("closing sequence sent to %v", sender.To)
}

// remote is the address at the other end.
func remote(conn net.Conn) netip.Addr {
	tcp, _ := conn.RemoteAddr().(*net.TCPAddr)
	return tcp.AddrPort().Addr().Unmap()
}

// fromProgram reports whether a program, and not a person, is at the other end.
func fromProgram(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0
}
