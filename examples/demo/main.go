// Demo shows knockpipe at work on loopback, without privileges: a server that is
// shut, a knock, a session, and the server shut again; then the same by a one-time token,
// which opens nothing to somebody who sends it again; and that once more with nftables,
// where nft is there and the kernel lets this user have a network namespace.
//
//	go run ./examples/demo
//
// The server and its gate are in this process; ssh is the real one, or a small
// client in Go where there is none. Nothing is left behind. It ends with an error
// if a step does not happen as it should.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"knockpipe/knock/token"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	if code, ok := part(ctx, os.Args); ok {
		stop()
		os.Exit(code)
	}
	err := run(ctx, os.Stdout, 3*time.Second, lookSSH())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// lookSSH returns the path of ssh, or "" if there is none.
func lookSSH() string {
	path, err := exec.LookPath("ssh")
	if err != nil {
		return ""
	}
	return path
}

// run tells the whole story on w. The door stays open for so long; an empty sshPath
// has the client in Go take the part of ssh.
func run(ctx context.Context, w io.Writer, open time.Duration, sshPath string) error {
	ctx, cancel := context.WithTimeout(ctx, 45*time.Second+3*open)
	defer cancel()
	out := &screen{w: w}
	out.line("A server behind a knock, here on loopback. Building knockpipe ...")
	s, err := newSite(ctx)
	if err != nil {
		return err
	}
	defer s.remove()

	server := &server{hostKey: s.hostKey, clientKey: s.clientKey.PublicKey()}
	gate := &gate{
		listeners: s.knocks,
		decoys:    s.decoys,
		service:   s.service,
		stay:      open,
		serve:     server.serve,
		logf:      func(format string, args ...any) { out.event("gate", format, args...) },
	}
	gate.run()
	defer gate.close()
	key, err := token.Read(filepath.Join(s.dir, keyFile))
	if err != nil {
		return err
	}
	tokens := &tokens{key: key, conn: s.tokens, gate: gate}
	tokens.run()
	defer tokens.close()

	c := s.client(sshPath)
	if sshPath != "" {
		out.line("\nThe client's ssh_config:\n\n" + indent(s.config()))
	} else {
		out.line("\nThere is no ssh in PATH: a small client in Go takes its place. ssh would use\n\n" + indent(s.config()))
	}
	if err = story(ctx, out, c, server, tokens); err == nil {
		var whyNot string
		if whyNot, err = realThing(ctx, out, s.dir, open, sshPath); whyNot != "" {
			out.line("\nNot shown with nftables, as root or in a namespace of yours: " + whyNot)
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("ended early: %w", context.Cause(ctx))
	}
	return err
}

// story is the five steps.
func story(ctx context.Context, out *screen, c client, server *server, tokens *tokens) error {
	out.step(1, "Shut: without a knock, nothing listens.", c.command(plain))
	if err := refused(ctx, out, c); err != nil {
		return fmt.Errorf("step 1, shut: %w", err)
	}

	out.step(2, "Open: the same command through knockpipe.", c.command(knocking))
	if err := stay(ctx, out, c, knocking); err != nil {
		return fmt.Errorf("step 2, open: %w", err)
	}

	out.step(3, "Shut again.", c.command(plain))
	if err := refused(ctx, out, c); err != nil {
		return fmt.Errorf("step 3, shut again: %w", err)
	}

	out.step(4, "Open by a one-time token: one packet.", c.command(byToken))
	if err := stay(ctx, out, c, byToken); err != nil {
		return fmt.Errorf("step 4, open by a token: %w", err)
	}

	out.step(5, "Shut: someone who saw the packet sends it again.", "(the same packet once more)")
	if err := tokens.replay(); err != nil {
		return fmt.Errorf("step 5, replay: %w", err)
	}
	if err := refused(ctx, out, c); err != nil {
		return fmt.Errorf("step 5, replay: %w", err)
	}

	connections, sessions := server.connections.Load(), server.sessions.Load()
	saw := fmt.Sprintf("the server saw %s for %s", count(connections, "connection"), count(sessions, "session"))
	if connections != 2 || sessions != 2 {
		return errors.New(saw + ", not two each")
	}
	out.line("\nDone: " + saw + ".")
	return nil
}

// stay gets in, and stays until the door is shut.
func stay(ctx context.Context, out *screen, c client, by way) error {
	seen := out.lines(c.name())
	err := c.run(ctx, by, seen)
	seen.flush()
	if err == nil && !strings.Contains(seen.String(), farewell) {
		err = errors.New("the session did not outlive the door")
	}
	return err
}

// refused connects without a knock, which must fail, and for that reason.
func refused(ctx context.Context, out *screen, c client) error {
	seen := out.lines(c.name())
	err := c.run(ctx, plain, seen)
	seen.flush()
	switch {
	case err == nil:
		return errors.New("a client that did not knock got in")
	case !strings.Contains(seen.String(), "refused"):
		return fmt.Errorf("the port did not refuse the client: %w", err)
	}
	return nil
}

// count is "1 connection" or "2 connections".
func count(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}

// indent moves each line of text to the right.
func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" {
			line = "    " + line
		}
		b.WriteString(line)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
