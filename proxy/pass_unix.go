//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package proxy

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// CanPass returns why a connection cannot be passed over f, or nil: it takes a
// Unix socket.
func CanPass(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	if e := raw.Control(func(fd uintptr) {
		var name syscall.Sockaddr
		if name, err = syscall.Getsockname(int(fd)); err != nil {
			return
		}
		if _, ok := name.(*syscall.SockaddrUnix); !ok {
			err = errors.New("not a Unix socket")
		}
	}); e != nil {
		return e
	}
	if errors.Is(err, syscall.ENOTSOCK) {
		return errors.New("not a socket")
	}
	return err
}

// Pass hands conn to the reader of the Unix socket to: it sends one byte with the
// descriptor (SCM_RIGHTS), as ssh's ProxyUseFdpass expects. The connection lives on
// there, in the state of a new one: its reads block.
//
// The caller still owns both. It closes conn, which does not end the connection, and
// must not use it otherwise: a read would block a thread.
func Pass(conn *net.TCPConn, to *os.File) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	out, err := to.SyscallConn()
	if err != nil {
		return err
	}
	if e := raw.Control(func(fd uintptr) {
		if err = syscall.SetNonblock(int(fd), false); err != nil {
			return
		}
		rights := syscall.UnixRights(int(fd))
		if e := out.Control(func(socket uintptr) { err = syscall.Sendmsg(int(socket), []byte{0}, rights, nil, 0) }); e != nil {
			err = e
		}
	}); e != nil {
		return e
	}
	return cause(err)
}
