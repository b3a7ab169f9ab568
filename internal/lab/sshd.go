//go:build linux

package lab

import (
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// An SSHD is a real sshd.
type SSHD struct {
	*Daemon
	Home string // the directory that is root's home on the host, empty at first
}

// SSHD starts sshd on port 22 and returns when it accepts connections. It lets in root,
// only with the key of a ClientConfig. The lines go to the top of its configuration,
// where they take precedence: "Port 2222", "PermitTTY no". Both families are listened on.
//
// An sshd changes users, so the test is skipped in a user namespace.
func (h *Host) SSHD(t testing.TB, lines ...string) *SSHD {
	t.Helper()
	if !realRoot() {
		skip(t, "sshd needs root, and not just in a user namespace")
	}
	Need(t, "sshd")
	// sshd lets in no user with a locked password, which many roots have. The root of
	// this host has a password that nothing matches.
	h.WriteFile(t, "/etc/shadow", "root:*:19000:0:99999:7:::\n")
	root, err := user.LookupId("0")
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	home := t.TempDir() // and not what this machine's root does at login
	h.Bind(t, home, root.HomeDir)

	keys := makeKeys(t)
	dir := t.TempDir()
	config := fmt.Sprintf(`%s
HostKey %s
AuthorizedKeysFile %s
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile none
UseDNS no
PrintMotd no
PrintLastLog no
LogLevel VERBOSE
Subsystem sftp internal-sftp
`, strings.Join(lines, "\n"), write(t, dir, "host_key", keys.host), write(t, dir, "authorized_keys", keys.userPublic))

	// Its name must be an absolute path. With -D and -e it stays, and says what it
	// does on stderr.
	d := h.daemon(t, program("sshd"), "-D", "-e", "-f", write(t, dir, "sshd_config", config))
	ports := 0
	for _, line := range lines {
		if strings.HasPrefix(line, "Port ") {
			ports++
		}
	}
	d.await("Server listening on", func(log string) bool { // for IPv4 and IPv6
		return strings.Count(log, "Server listening on ") == 2*max(1, ports)
	})
	return &SSHD{d, home}
}

// ClientConfig writes an ssh_config for clients of this and every other SSHD,
// and returns its path: first the given blocks, then what all hosts need. The
// user is root and the host key is known by any name.
func (s *SSHD) ClientConfig(t testing.TB, blocks string) string {
	t.Helper()
	keys := makeKeys(t)
	dir := t.TempDir()
	return write(t, dir, "ssh_config", fmt.Sprintf(`%s
Host *
	User root
	IdentityFile %s
	IdentitiesOnly yes
	UserKnownHostsFile %s
	StrictHostKeyChecking yes
	BatchMode yes
	LogLevel ERROR
`, blocks, write(t, dir, "id_ed25519", keys.user), write(t, dir, "known_hosts", "* "+keys.hostPublic)))
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// keyTexts are the keys of all hosts and users of one run, in OpenSSH's formats.
type keyTexts struct{ host, hostPublic, user, userPublic string }

func makeKeys(t testing.TB) keyTexts {
	t.Helper()
	keys, err := generate()
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	return keys
}

var generate = sync.OnceValues(func() (k keyTexts, err error) {
	for _, to := range []struct{ private, public *string }{{&k.host, &k.hostPublic}, {&k.user, &k.userPublic}} {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			return k, err
		}
		block, err := ssh.MarshalPrivateKey(private, "lab")
		if err != nil {
			return k, err
		}
		key, err := ssh.NewPublicKey(public)
		if err != nil {
			return k, err
		}
		*to.private = string(pem.EncodeToMemory(block))
		*to.public = string(ssh.MarshalAuthorizedKey(key))
	}
	return k, nil
})
