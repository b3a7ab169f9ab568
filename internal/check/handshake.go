package check

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// A Server is what a handshake tells about an SSH server.
type Server struct {
	Version string // "SSH-2.0-OpenSSH_9.2p1"; empty if it did not greet
	Key     ssh.PublicKey
}

// errEnough ends a handshake once the server has proved that it has its key.
var errEnough = errors.New("enough")

// Handshake speaks SSH on a connection until the server has shown its key, and closes the
// connection.
func Handshake(conn net.Conn, algorithms []string, limit time.Duration) (Server, error) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	tee := &teeConn{Conn: conn}
	var server Server
	_, _, _, err := ssh.NewClientConn(tee, "", &ssh.ClientConfig{
		HostKeyAlgorithms: algorithms,
		ClientVersion:     "SSH-2.0-knockpipe",
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			server.Key = key
			return errEnough
		},
	})
	server.Version = tee.version()
	if errors.Is(err, errEnough) {
		err = nil
	}
	return server, err
}

// A teeConn keeps the first bytes that it reads.
type teeConn struct {
	net.Conn
	head []byte
}

func (c *teeConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if len(c.head) < 4096 {
		c.head = append(c.head, p[:n]...)
	}
	return n, err
}

// version is the first line that begins with "SSH-" (RFC 4253, section 4.2).
func (c *teeConn) version() string {
	for line := range bytes.Lines(c.head) {
		if text := strings.TrimRight(string(line), "\r\n"); strings.HasPrefix(text, "SSH-") {
			return text
		}
	}
	return ""
}
