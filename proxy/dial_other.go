//go:build !linux

package proxy

import (
	"net"
	"syscall"
)

// holdBack is nil: only Linux can hold a handshake's last ACK back. Here a
// loser that completes is reset at once.
var holdBack func(network, address string, c syscall.RawConn) error

// settle has nothing to undo.
func settle(conn net.Conn) net.Conn { return conn }
