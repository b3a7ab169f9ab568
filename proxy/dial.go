package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// keepAlive turns keepalive on with the system's own times: Go's default would
// end sessions that ssh and nc survive. TCP_NODELAY is Go's default.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: -1, Interval: -1, Count: -1}

// dialPlain makes a connection that nothing competes with.
func (o *Opener) dialPlain(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	conn, err := o.dialWith(ctx, net.Dialer{KeepAliveConfig: keepAlive}, to)
	return conn, o.whose(err, to)
}

// dialHedged makes a connection that may lose a race, and then must not
// complete at the server. The witness is of this connection only.
func (o *Opener) dialHedged(ctx context.Context, to netip.AddrPort, w *witness) (net.Conn, error) {
	conn, err := o.dialWith(ctx, net.Dialer{KeepAliveConfig: keepAlive, Control: w.holdBack}, to)
	return conn, o.whose(w.close(err, to.Addr()), to)
}

func (o *Opener) dialWith(ctx context.Context, dialer net.Dialer, to netip.AddrPort) (net.Conn, error) {
	if from := o.Sources.For(to.Addr()); from.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	conn, err := dialer.DialContext(ctx, "tcp", to.String())
	return conn, cause(err)
}

// reset drops a connection that lost. It sends a reset and no FIN, which would complete
// the handshake.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// cause strips the addresses that package net puts around a system's error: the
// caller names them itself, once.
func cause(err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return errTimedOut
	case errors.As(err, &errno):
		return errno
	}
	return err
}

var errTimedOut = errors.New("timed out")
