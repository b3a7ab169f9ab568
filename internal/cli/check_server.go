package cli

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"knockpipe/internal/check"

	"golang.org/x/crypto/ssh"
)

// handshakeTime is how long the server may take to send its greeting and its key.
const handshakeTime = 10 * time.Second

// server looks at the server behind the door.
func (c *checkup) server(ctx context.Context, conn net.Conn) {
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	known := check.ReadKnownHosts(c.knownHosts(), c.plan.host, c.plan.port, c.ssh["hostkeyalias"])
	server, err := check.Handshake(conn, known.Algorithms(), handshakeTime)
	switch {
	case gone(ctx) != nil:
		return
	case err != nil && server.Version == "":
		c.report.Find(check.Fail, "is the port forwarded to sshd?", "no SSH server answers: %v", err)
		return
	case err != nil:
		c.report.Find(check.Fail, "", "%s: %v", server.Version, err)
		return
	}
	c.report.Find(check.OK, "", "%s answers", server.Version)
	key := fmt.Sprintf("%s key %s", server.Key.Type(), ssh.FingerprintSHA256(server.Key))
	switch verdict, where := known.Judge(server.Key); verdict {
	case check.Known:
		c.report.Find(check.OK, "", "its %s is known: %s", key, where)
	case check.Unknown:
		c.report.Find(check.Warn, "compare it with the key on the server before you accept it", "its %s is not known", key)
	case check.Changed:
		c.report.Find(check.Fail, "is this another server? If its key was changed on purpose, run: ssh-keygen -R HOST", "its %s differs from the one in %s", key, where)
	case check.Revoked:
		c.report.Find(check.Fail, "", "its %s is revoked: %s", key, where)
	}
}

// knownHosts are the known_hosts files that ssh reads.
func (c *checkup) knownHosts() []string {
	text := c.ssh["userknownhostsfile"] + " " + c.ssh["globalknownhostsfile"]
	if strings.TrimSpace(text) == "" {
		text = "~/.ssh/known_hosts ~/.ssh/known_hosts2 /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"
	}
	var files []string
	for _, file := range strings.Fields(text) {
		if rest, ok := strings.CutPrefix(file, "~/"); ok {
			file = filepath.Join(c.plan.home, rest)
		}
		files = append(files, file)
	}
	return files
}
