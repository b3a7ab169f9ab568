//go:build linux

package lab

import (
	"regexp"
	"strings"
)

// Settle returns when the log has the end of each connection, which may come later than
// the client's end.
func (s *SSHD) Settle() {
	s.t.Helper()
	s.await("end of each connection", func(log string) bool {
		for _, c := range connections(log) {
			if c.end == "" {
				return false
			}
		}
		return true
	})
}

// Connections returns the number of connections in the log. A connection that is
// reset before sshd asks whose it is does not get there; see [Host.Handshakes].
func (s *SSHD) Connections() int { return len(connections(s.Log())) }

// Preauth returns the lines about connections that ended before anyone was
// authenticated, which is what fail2ban and PerSourcePenalties punish.
func (s *SSHD) Preauth() []string {
	var lines []string
	for _, c := range connections(s.Log()) {
		if c.end != "" && !c.authenticated {
			lines = append(lines, c.end)
		}
	}
	return lines
}

// A connection is what sshd's log says about a connection.
type connection struct {
	authenticated bool
	end           string // the line that tells of it
}

// peer finds the far end in a line: "Disconnected from user root 198.51.100.1
// port 39104". The near end comes after it, if at all.
var peer = regexp.MustCompile(`\S+ port \d+`)

// ends are the beginnings of the lines with which OpenSSH reports an end.
var ends = []string{
	"Bad packet length", "Closing connection to ", "Connection closed by ", "Connection reset by ",
	"Did not receive identification string from ", "Disconnected from ", "Disconnecting ",
	"Read error from remote host ",
	"Timeout before authentication for ", "Timeout, client not responding from ",
	"Unable to negotiate with ", "banner exchange: ", "ssh_dispatch_run_fatal: ",
}

// connections reads a log of level VERBOSE. Its lines do not tell whose they are
// except by the peer's port, which a later connection can have again.
func connections(log string) []*connection {
	var all []*connection
	latest := make(map[string]*connection)
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		who := peer.FindString(line)
		if strings.HasPrefix(line, "Connection from ") {
			latest[who] = new(connection)
			all = append(all, latest[who])
			continue
		}
		c := latest[who]
		if c == nil {
			continue
		}
		if strings.HasPrefix(line, "Accepted ") {
			c.authenticated = true
		}
		for _, prefix := range ends {
			if c.end == "" && strings.HasPrefix(line, prefix) {
				c.end = line
			}
		}
	}
	return all
}
