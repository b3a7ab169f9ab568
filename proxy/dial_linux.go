package proxy

import (
	"net"
	"syscall"
)

// holdBack makes a handshake harmless until the race is decided.
//
// TCP_DEFER_ACCEPT on a connecting socket holds the final ACK back for up to 200 ms
// (tcp_rcv_synsent_state_process in the kernel's net/ipv4/tcp_input.c), so that a second
// SYN-ACK that arrives before we wake does not become a second connection. With an
// SO_LINGER of 0, every close sends a reset, even if a connect is cancelled at the moment
// it succeeds.
func (w *witness) holdBack(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_DEFER_ACCEPT, 1)
		if err == nil {
			err = syscall.SetsockoptLinger(int(fd), syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
		}
		w.watch(int(fd))
	}); e != nil {
		return e
	}
	return err
}

// settle undoes holdBack on the winner and sends its ACK at once.
func settle(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	tcp.SetLinger(-1)
	if raw, err := tcp.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) {
			unwatch(int(fd))
			syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
		})
	}
}
