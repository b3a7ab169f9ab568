package cli

import (
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

// hangupTime is how long a session goes on after ssh's signal that it ends.
const hangupTime = 2 * time.Second

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
	if err := proxy.CanPass(p.Stdout); err != nil {
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
		if err := proxy.Pass(conn, t.Stdout); err != nil {
			return &failure{code: exitNetwork, err: fmt.Errorf("-F: stdout: %w", err)}
		}
		t.report.logf("connection passed to ssh")
		return nil
	}
	signal.Ignore(syscall.SIGPIPE) // a stdout that nobody reads is an error to report
	if fromProgram(t.Stdin) {
		signal.Ignore(os.Interrupt) // Ctrl-C is for ssh, which is in the same process group
		if runtime.GOOS == "linux" {
			// ssh sends it when it ends. To die of it would reset the connection if
			// anything has come in meanwhile; that both pipes are closed then is
			// noticed anyway, and gives sshd the time for an orderly end.
			signal.Ignore(syscall.SIGHUP)
		}
	}
	var ends chan os.Signal // none without a door to shut
	if len(t.settings.KnockClose) > 0 {
		ends = make(chan os.Signal, 1)
		signal.Notify(ends, syscall.SIGHUP, syscall.SIGTERM) // before anybody sees that the session has begun
	}
	start := time.Now()
	traffic := new(proxy.Traffic)
	to := remote(conn)
	ended := make(chan error, 1)
	go func() { ended <- proxy.Splice(conn, t.Stdin, t.Stdout, traffic) }()
	var err error
	if ends == nil {
		err = <-ended
	} else {
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
