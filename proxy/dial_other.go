//go:build !linux

package proxy

import (
	"net"
	"syscall"
)

// holdBack does nothing: only Linux can hold a handshake's last ACK back. Here a
// loser that completes is reset at once.
func (*witness) holdBack(string, string, syscall.RawConn) error { return nil }

// settle has nothing to undo.
func settle(net.Conn) {}
