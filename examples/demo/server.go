package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// stayCommand is the command that lasts until the door is shut, and farewell what
// it says then.
const (
	stayCommand = "stay"
	farewell    = "the door is shut behind you, and this session goes on"
)

// A server is an SSH server that answers commands itself, with a few lines.
type server struct {
	hostKey   ssh.Signer
	clientKey ssh.PublicKey // the only one that may log in

	connections, sessions atomic.Int64
}

// serve answers one connection. A session may last until shut is closed.
func (s *server) serve(conn net.Conn, shut <-chan struct{}) {
	s.connections.Add(1)
	defer conn.Close()
	config := &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if !bytes.Equal(key.Marshal(), s.clientKey.Marshal()) {
				return nil, errors.New("unknown key")
			}
			return nil, nil
		},
	}
	config.AddHostKey(s.hostKey)
	conn.SetDeadline(time.Now().Add(10 * time.Second)) // to log in
	login, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return // the client says why
	}
	conn.SetDeadline(time.Time{})
	go ssh.DiscardRequests(requests)
	for channel := range channels {
		if channel.ChannelType() != "session" {
			channel.Reject(ssh.UnknownChannelType, "this server has sessions only")
			continue
		}
		ch, requests, err := channel.Accept()
		if err != nil {
			return
		}
		v := &visit{channel: ch, from: login.RemoteAddr(), user: login.User(), since: time.Now(), shut: shut}
		s.sessions.Add(1)
		go v.answer(requests)
	}
}

// A visit is one session.
type visit struct {
	channel ssh.Channel
	from    net.Addr
	user    string
	since   time.Time
	shut    <-chan struct{}
}

// answer grants what ssh asks for and runs the one command.
func (v *visit) answer(requests <-chan *ssh.Request) {
	go io.Copy(io.Discard, v.channel) // no command here reads its input
	running := false
	for r := range requests {
		switch {
		case r.Type == "env" || r.Type == "pty-req" || r.Type == "window-change":
			r.Reply(true, nil)
		case (r.Type == "exec" || r.Type == "shell") && !running:
			running = true
			var exec struct{ Command string }
			ssh.Unmarshal(r.Payload, &exec) // a shell has no payload, and no command
			r.Reply(true, nil)
			go v.run(exec.Command)
		default:
			r.Reply(false, nil)
		}
	}
}

// run is the command. It ends as a program does: no more output, the exit status,
// and then the channel.
func (v *visit) run(command string) {
	v.tell("hello %s, you come from %v and are in since %s", v.user, v.from, v.since.Format(time.TimeOnly))
	status := uint32(0)
	switch command {
	case stayCommand:
		v.tell("you ask to stay: until the door is shut")
		<-v.shut
		v.tell(farewell)
	case "":
		v.tell("there is no shell here, only commands: try %q", stayCommand)
		status = 1
	default:
		v.tell("you ask for %q, which is not known here: try %q", command, stayCommand)
		status = 127
	}
	v.channel.CloseWrite()
	v.channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
	v.channel.Close()
}

func (v *visit) tell(format string, args ...any) {
	fmt.Fprintf(v.channel, format+"\r\n", args...)
}
