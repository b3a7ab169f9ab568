package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// dialer returns what all connects have in common. Keepalive uses the system's
// own times: Go's default would end sessions that ssh and nc survive.
func (o *Opener) dialer() *net.Dialer {
	return &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: -1, Interval: -1, Count: -1}}
}

// dialPlain makes a connection that nothing competes with.
func (o *Opener) dialPlain(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return o.dialWith(ctx, o.dialer(), to)
}

// dialHedged makes a connection that may lose a race, and then must not
// complete at the server.
func (o *Opener) dialHedged(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	dialer := o.dialer()
	dialer.Control = holdBack
	return o.dialWith(ctx, dialer, to)
}

func (o *Opener) dialWith(ctx context.Context, dialer *net.Dialer, to netip.AddrPort) (net.Conn, error) {
	var from netip.AddrPort
	if o.Source.IsValid() {
		from = netip.AddrPortFrom(o.Source, 0)
	}
	conn, err := dialer.DialTCP(ctx, "tcp", from, to)
	if err != nil {
		return nil, cause(err) // and no typed nil
	}
	return conn, nil
}

// reset gets rid of a connection that lost: no FIN, which would complete the
// handshake, but a reset.
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
		return errors.New("timed out")
	case errors.As(err, &errno):
		return errno
	}
	return err
}
