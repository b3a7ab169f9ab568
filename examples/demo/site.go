package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// A site is all that client and server agree on, and the folder with the client's
// files.
type site struct {
	dir     string
	service *net.TCPAddr   // where the guarded server is, when it is
	knocks  []net.Listener // the ports to knock at, in order
	decoys  []net.Listener // ports that a scan meets
	tokens  net.PacketConn // where tokens are sent to

	hostKey, clientKey ssh.Signer
}

// exe is the name of the program in the site's folder.
var exe = map[bool]string{false: "knockpipe", true: "knockpipe.exe"}[runtime.GOOS == "windows"]

// newSite makes a folder with all that is needed.
func newSite(ctx context.Context) (*site, error) {
	dir, err := os.MkdirTemp("", "knockpipe-demo-")
	if err != nil {
		return nil, err
	}
	s := &site{dir: dir}
	if err := s.build(ctx); err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

// build makes knockpipe from source, takes ports and makes keys.
func (s *site) build(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(s.dir, exe), "knockpipe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build knockpipe: %w: %s", err, bytes.TrimSpace(out))
	}
	if err := s.listen(4); err != nil {
		return err
	}
	if err := s.makeToken(ctx); err != nil {
		return err
	}
	return s.makeKeys()
}

// keyFile is the key of the tokens, in the site's folder.
const keyFile = "tango.key"

// makeToken takes the port of the tokens and makes their key.
func (s *site) makeToken(ctx context.Context) (err error) {
	if s.tokens, err = net.ListenPacket("udp4", "127.0.0.1:0"); err != nil {
		return err
	}
	return s.makeKey(ctx, s.tokens.LocalAddr().(*net.UDPAddr).Port)
}

// makeKey makes a key file for tokens that go to a UDP port.
func (s *site) makeKey(ctx context.Context, port int) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.dir, exe), "-keygen", keyFile, fmt.Sprintf("udp:%d", port))
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("knockpipe -keygen: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// listen takes the ports.
func (s *site) listen(knocks int) error {
	for range knocks {
		l, err := listenAnywhere()
		if err != nil {
			return err
		}
		s.knocks = append(s.knocks, l)
	}
	for range decoys {
		l, err := listenAnywhere()
		if err != nil {
			return err
		}
		s.decoys = append(s.decoys, l)
	}
	l, err := listenAnywhere()
	if err != nil {
		return err
	}
	s.service = l.Addr().(*net.TCPAddr)
	return l.Close() // shut until somebody knocks
}

// listenAnywhere takes a free port of loopback below 32768: from there on, Linux
// gives ports to outgoing connections, and the guarded one must stay free while
// it is shut.
func listenAnywhere() (l net.Listener, err error) {
	for range 100 {
		l, err = net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 10000 + rand.N(22000)})
		if err == nil {
			return l, nil
		}
	}
	return nil, err
}

// makeKeys makes a host key and a client key, and writes the client's files.
func (s *site) makeKeys() (err error) {
	var hostSecret, secret []byte
	if s.hostKey, hostSecret, err = newKey(); err != nil {
		return err
	}
	if s.clientKey, secret, err = newKey(); err != nil {
		return err
	}
	knownHost := knownhosts.Line([]string{s.service.String()}, s.hostKey.PublicKey()) + "\n"
	return errors.Join(
		s.write("host_key", string(hostSecret)),
		s.write("id_ed25519", string(secret)),
		s.write("known_hosts", knownHost),
		s.write("ssh_config", s.config()),
	)
}

func newKey() (ssh.Signer, []byte, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, nil, err
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		return nil, nil, err
	}
	signer, err := ssh.NewSignerFromSigner(key)
	return signer, pem.EncodeToMemory(block), err
}

func (s *site) write(name, text string) error {
	return os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600)
}

// config is the ssh_config, for an ssh that runs in the site's folder. It is not
// ~/.ssh/config, so knockpipe has to be told of it as well as ssh.
func (s *site) config() string {
	return fmt.Sprintf(`Host tango
    # Knock: %s

Host tango-token
    # Knock: token:%s

Host *
    HostName %v
    Port %d
    ProxyCommand ./%s -f ssh_config -n %%n -- %%h %%p
    User demo
    IdentityFile ./id_ed25519
    IdentitiesOnly yes
    UserKnownHostsFile ./known_hosts
    BatchMode yes
`, strings.Join(s.sequence(), " "), keyFile, s.service.IP, s.service.Port, exe)
}

// sequence is the knocks as knockpipe's arguments.
func (s *site) sequence() []string {
	var words []string
	for _, l := range s.knocks {
		words = append(words, fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
	}
	return words
}

// remove gives back the ports and removes the files.
func (s *site) remove() {
	for _, l := range s.knocks {
		l.Close()
	}
	if s.tokens != nil {
		s.tokens.Close()
	}
	os.RemoveAll(s.dir)
}
