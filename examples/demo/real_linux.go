package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// The real thing needs a client and a server that are two hosts to the kernel, as
// nothing on loopback is guarded. So this program starts itself twice more, in two
// network namespaces of their own: as the client, which tells the story, and as the
// server, where nft loads what knockpipe prints. With them, all of it is gone.
const (
	asClient = "demo-client"
	asServer = "demo-server"
)

const (
	clientAddr, otherAddr, serverAddr = "192.0.2.1", "192.0.2.3", "192.0.2.2"
	tokenPort                         = 40022
)

// notHere is the exit code of a client that cannot begin. It has said why.
const notHere = 3

// realThing shows the token door of nftables, or returns in a line why it cannot.
func realThing(ctx context.Context, out *screen, dir string, open time.Duration, sshPath string) (whyNot string, err error) {
	for _, name := range []string{"nft", "ip"} {
		if lookAdmin(name) == "" {
			return name + " is not installed", nil
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err.Error(), nil
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, self, asClient, dir, open.String(), sshPath)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Stdout, cmd.Stderr = out.w, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
		}
	}
	if err := cmd.Start(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "no network namespace: " + cmp.Or(errors.Unwrap(err), err).Error(), nil
	}
	err = cmd.Wait()
	text := strings.TrimSpace(said.String())
	switch exit := new(exec.ExitError); {
	case err == nil:
		return "", nil
	case errors.As(err, &exit) && exit.ExitCode() == notHere:
		return text, nil
	case text != "":
		err = errors.New(text)
	}
	return "", fmt.Errorf("with nftables: %w", err)
}

// lookAdmin returns the path of a program that not every user has in PATH, or "".
func lookAdmin(name string) string {
	for _, dir := range []string{"", "/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

// part is what main does in the namespaces. It reports false for the demo itself.
func part(ctx context.Context, args []string) (code int, ok bool) {
	var err error
	switch {
	case len(args) == 5 && args[1] == asClient:
		code, err = 1, realClient(ctx, args[2], args[3], args[4])
		if unable := new(unableError); errors.As(err, &unable) {
			code = notHere
		}
	case len(args) == 3 && args[1] == asServer:
		code, err = 1, realServer(args[2])
	default:
		return 0, false
	}
	if err == nil {
		return 0, true
	}
	fmt.Fprintln(os.Stderr, err)
	return code, true
}

// An unableError says why the story cannot begin.
type unableError struct{ error }

// realClient tells the story, with a server that it starts.
func realClient(ctx context.Context, dir, stays, sshPath string) error {
	open, err := time.ParseDuration(stays)
	if err != nil {
		return err
	}
	out := &screen{w: os.Stdout}
	s := &site{dir: filepath.Join(dir, "nftables"), service: &net.TCPAddr{IP: net.ParseIP(serverAddr), Port: 22}}
	if err := s.furnish(ctx, filepath.Join(dir, exe)); err != nil {
		return &unableError{err}
	}
	far, err := startFar(ctx, s.dir, out)
	if err != nil {
		return &unableError{err}
	}
	defer far.close()
	for _, args := range []string{
		fmt.Sprintf("link add client type veth peer name server netns %d", far.cmd.Process.Pid),
		"addr add " + clientAddr + "/29 dev client", "addr add " + otherAddr + "/29 dev client", "link set client up", "link set lo up",
	} {
		if err := command(s.dir, lookAdmin("ip"), strings.Fields(args)...); err != nil {
			return &unableError{err}
		}
	}
	if _, err := far.ask("up"); err != nil {
		return &unableError{err}
	}
	c := s.client(sshPath)
	out.line("\nThe same with the real thing: nftables, on a server in a network of its own.\n\n" +
		indent("# "+loadRules+"\n# "+loadTokens))

	out.step(6, "Shut: nftables refuses.", c.command(plain))
	if err := refused(ctx, out, c); err != nil {
		return fmt.Errorf("step 6, shut: %w", err)
	}

	out.step(7, "Open by a one-time token, which the kernel strikes.", c.command(byToken))
	shut := time.AfterFunc(open, func() { far.ask("shut") })
	defer shut.Stop()
	if err := stay(ctx, out, c, byToken); err != nil {
		return fmt.Errorf("step 7, open: %w", err)
	}

	out.step(8, "Shut: the same packet again, from here and from another address.", "(the same packet twice more)")
	if err := replayFrom(far, out, clientAddr, otherAddr); err != nil {
		return fmt.Errorf("step 8, replay: %w", err)
	}
	if err := refused(ctx, out, c); err != nil {
		return fmt.Errorf("step 8, replay: %w", err)
	}
	switch saw, err := far.ask("sessions"); {
	case err != nil:
		return err
	case saw != "1 1":
		return fmt.Errorf("the server saw (connections, sessions) %s, not one of each", saw)
	}
	out.line("\nDone: nftables has let one packet open the door, once.")
	return nil
}

// replayFrom sends again what was seen at the server, and waits until the kernel has
// counted it as used.
func replayFrom(far *far, out *screen, addrs ...string) error {
	seen, err := far.ask("seen")
	if err != nil {
		return err
	}
	data, err := hex.DecodeString(seen)
	if err != nil {
		return err
	}
	before, err := far.counters() // the client may have sent it twice
	if err != nil {
		return err
	}
	for _, addr := range addrs {
		conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(addr)}, &net.UDPAddr{IP: net.ParseIP(serverAddr), Port: tokenPort})
		if err != nil {
			return err
		}
		_, err = conn.Write(data)
		conn.Close()
		if err != nil {
			return err
		}
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		after, err := far.counters()
		switch {
		case err != nil:
			return err
		case after.opened != 1:
			return fmt.Errorf("%d tokens opened the door, want one", after.opened)
		case after.used == before.used+len(addrs):
			out.event("nft", "tokens that opened: 1; used before: %d more", len(addrs))
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("used before were %d tokens, and now %d", before.used, after.used)
		}
	}
}

// The counters of the key's table: tokens that opened, and those that were used before.
type counters struct{ opened, used int }

func (f *far) counters() (c counters, err error) {
	text, err := f.ask("counters")
	if err == nil {
		_, err = fmt.Sscan(text, &c.opened, &c.used)
	}
	return c, err
}

// furnish makes the folder that both sides work in.
func (s *site) furnish(ctx context.Context, program string) error {
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return err
	}
	if err := os.Symlink(program, filepath.Join(s.dir, exe)); err != nil {
		return err
	}
	if err := s.makeKey(ctx, tokenPort); err != nil {
		return err
	}
	return s.makeKeys()
}

// A far is the server, as the client has it: a line asks, and a line answers.
type far struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *bufio.Scanner

	mu sync.Mutex // one question after the other
}

func startFar(ctx context.Context, dir string, out *screen) (*far, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f := &far{cmd: exec.CommandContext(ctx, self, asServer, dir)}
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	f.cmd.Stderr = out.lines("nft")
	if f.in, err = f.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	answers, err := f.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	f.answers = bufio.NewScanner(answers)
	return f, f.cmd.Start()
}

// ask asks for one thing.
func (f *far) ask(what string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := fmt.Fprintln(f.in, what); err != nil {
		return "", err
	}
	if !f.answers.Scan() {
		return "", errors.New("the server does not answer")
	}
	text, failed := strings.CutPrefix(f.answers.Text(), "error: ")
	if failed {
		return "", errors.New(text)
	}
	return text, nil
}

// close ends it.
func (f *far) close() {
	f.in.Close()
	f.cmd.Wait()
}

// What loads the door and the tokens.
const (
	loadRules  = "knockpipe -f ssh_config -rules nftables tango-token | nft -f -"
	loadTokens = "knockpipe -tokens -fresh -for 10m " + keyFile + " | nft -f -"
)

// realServer is the server: it does what it is asked for, until nobody asks any more.
func realServer(dir string) error {
	s := &remote{dir: dir, shut: make(chan struct{})}
	asked := bufio.NewScanner(os.Stdin)
	for asked.Scan() {
		answer, err := s.answer(asked.Text())
		if err != nil {
			answer = "error: " + strings.Join(strings.Fields(err.Error()), " ")
		}
		fmt.Println(answer)
	}
	return nil
}

// A remote is the server in its namespace.
type remote struct {
	dir    string
	server *server
	tokens net.PacketConn // where tokens arrive, for somebody who watches
	shut   chan struct{}
}

func (r *remote) answer(what string) (string, error) {
	switch what {
	case "up":
		return "", r.up()
	case "seen":
		var data [100]byte
		r.tokens.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, _, err := r.tokens.ReadFrom(data[:])
		return hex.EncodeToString(data[:n]), err
	case "shut": // as the kernel does after ten seconds
		err := command(r.dir, lookAdmin("nft"), "flush", "set", "inet", "knockpipe_22", "clients4")
		close(r.shut)
		return "", err
	case "counters":
		opened, err := r.counter("opened_v1")
		used, err2 := r.counter("used_v1")
		return opened + " " + used, errors.Join(err, err2)
	case "sessions":
		return fmt.Sprint(r.server.connections.Load(), r.server.sessions.Load()), nil
	}
	return "", errors.New("not understood: " + what)
}

// up brings the server up behind its door.
func (r *remote) up() error {
	for _, args := range []string{"addr add " + serverAddr + "/29 dev server", "link set server up", "link set lo up"} {
		if err := command(r.dir, lookAdmin("ip"), strings.Fields(args)...); err != nil {
			return err
		}
	}
	host, err := readKey(filepath.Join(r.dir, "host_key"))
	if err != nil {
		return err
	}
	user, err := readKey(filepath.Join(r.dir, "id_ed25519"))
	if err != nil {
		return err
	}
	for _, line := range []string{loadRules, loadTokens} {
		line = strings.Replace(strings.Replace(line, "knockpipe", "./"+exe, 1), "| nft", "| "+lookAdmin("nft"), 1)
		if err := command(r.dir, "/bin/sh", "-c", line); err != nil {
			return err
		}
	}
	if r.tokens, err = net.ListenPacket("udp4", fmt.Sprintf("%s:%d", serverAddr, tokenPort)); err != nil {
		return err
	}
	l, err := net.Listen("tcp4", serverAddr+":22")
	if err != nil {
		return err
	}
	r.server = &server{hostKey: host, clientKey: user.PublicKey()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go r.server.serve(conn, r.shut)
		}
	}()
	return nil
}

// counter returns how many packets a counter of the key's table has.
func (r *remote) counter(name string) (string, error) {
	table := "knockpipe_key_" + strings.TrimSuffix(keyFile, ".key")
	out, err := exec.Command(lookAdmin("nft"), "list", "counter", "inet", table, name).Output()
	_, rest, ok := strings.Cut(string(out), "packets ")
	count, _, ok2 := strings.Cut(rest, " ")
	if err == nil && !(ok && ok2) {
		err = errors.New("nft tells no counter " + name)
	}
	return count, err
}

func readKey(path string) (ssh.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ssh.ParsePrivateKey(text)
}

// command runs a program in the folder. The error says what it said.
func command(dir, program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "STATE_DIRECTORY="+dir) // nothing of this host's is touched
	if out, err := cmd.CombinedOutput(); err != nil {
		text := strings.TrimSpace(string(out))
		if first, _, more := strings.Cut(text, "\n"); more {
			text = first
		}
		return fmt.Errorf("%s: %w: %s", filepath.Base(program), err, text)
	}
	return nil
}
