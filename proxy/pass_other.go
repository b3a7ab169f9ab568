//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package proxy

import (
	"errors"
	"net"
	"os"
)

var errNoPass = errors.New("this system cannot pass sockets between processes")

// CanPass returns why a connection cannot be passed over f.
func CanPass(*os.File) error { return errNoPass }

// Pass returns an error.
func Pass(*net.TCPConn, *os.File) error { return errNoPass }
