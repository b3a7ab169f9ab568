package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// A way is one to connect: without knockpipe, or the Host whose line it uses.
type way string

const (
	plain    way = ""
	knocking way = "tango"
	byToken  way = "tango-token"
)

// A client runs stayCommand on the site's server.
type client interface {
	// name is who the client is, on the screen.
	name() string
	// command says what run does, as one would type it if one can.
	command(by way) string
	// run writes to out all that the user would see, its errors too.
	run(ctx context.Context, by way, out io.Writer) error
}

// client is ssh or, without a path to one, the small client in Go.
func (s *site) client(sshPath string) client {
	if sshPath == "" {
		return &goClient{site: s}
	}
	return &sshClient{site: s, path: sshPath}
}

// sshClient is the real ssh.
type sshClient struct {
	*site
	path string
}

func (c *sshClient) name() string { return "ssh" }

func (c *sshClient) command(by way) string {
	return "$ ssh " + strings.Join(c.args(by), " ")
}

func (c *sshClient) args(by way) []string {
	if by == plain {
		return []string{"-o", "ProxyCommand=none", "-F", "ssh_config", string(knocking), stayCommand}
	}
	return []string{"-F", "ssh_config", string(by), stayCommand}
}

func (c *sshClient) run(ctx context.Context, by way, out io.Writer) error {
	cmd := exec.CommandContext(ctx, c.path, c.args(by)...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "SHELL=/bin/sh") // it starts the ProxyCommand
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = time.Second
	return cmd.Run()
}

// goClient takes the part of ssh where there is none.
type goClient struct {
	*site
}

func (c *goClient) name() string { return "go" }

func (c *goClient) command(by way) string {
	if by == plain {
		return fmt.Sprintf("(a connect to %v)", c.service)
	}
	return "$ ./" + exe + " " + strings.Join(c.args(by), " ")
}

// args are knockpipe's.
func (c *goClient) args(by way) []string {
	args := []string{c.service.IP.String(), fmt.Sprint(c.service.Port)}
	if by == byToken {
		return append(args, "token:"+keyFile)
	}
	return append(args, c.sequence()...)
}

func (c *goClient) run(ctx context.Context, by way, out io.Writer) (err error) {
	defer func() {
		if err != nil {
			fmt.Fprintln(out, err)
		}
	}()
	dial := c.dial
	if by != plain {
		dial = c.dialThrough
	}
	conn, err := dial(ctx, by, out)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	config := &ssh.ClientConfig{
		User:            "demo",
		Auth:            []ssh.AuthMethod{ssh.PublicKeys(c.clientKey)},
		HostKeyCallback: ssh.FixedHostKey(c.hostKey.PublicKey()),
	}
	login, channels, requests, err := ssh.NewClientConn(conn, c.service.String(), config)
	if err != nil {
		return err
	}
	client := ssh.NewClient(login, channels, requests)
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	defer session.Close()
	session.Stdout, session.Stderr = out, out
	return session.Run(stayCommand)
}

func (c *goClient) dial(ctx context.Context, _ way, _ io.Writer) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", c.service.String())
}

// dialThrough starts knockpipe as ssh would, and returns the other end of its
// stdin and stdout.
func (c *goClient) dialThrough(ctx context.Context, by way, out io.Writer) (net.Conn, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(c.dir, exe), c.args(by)...)
	cmd.Dir = c.dir
	ours, its := net.Pipe()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = its, its, out
	cmd.WaitDelay = 100 * time.Millisecond // its stdin has no end while ours is open
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		cmd.Wait() // what went wrong, it says itself
		its.Close()
	}()
	return ours, nil
}
