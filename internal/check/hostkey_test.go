//go:build linux

package check

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"knockpipe/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.M{M: m}.Run()) }

// hashed is a name as HashKnownHosts leaves it.
func hashed(name string) string {
	salt := []byte("0123456789abcdefghij")
	mac := hmac.New(sha1.New, salt)
	mac.Write([]byte(name))
	return "|1|" + base64.StdEncoding.EncodeToString(salt) + "|" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// TestJudge compares the verdict on a real sshd's key with the real ssh, which
// accepts or refuses it under StrictHostKeyChecking yes.
func TestJudge(t *testing.T) {
	long := strings.Repeat("x", 70<<10)
	// KEY is the server's, OTHER and ECDSA are not, CA has signed the certificate.
	tests := []struct {
		name, file  string
		cert        bool
		port        int
		host, alias string
	}{
		{"empty", "", false, 22, "", ""},
		{"plain", "target.test KEY\n", false, 22, "", ""},
		{"another key", "target.test OTHER\n", false, 22, "", ""},
		{"another host", "other.test KEY\n", false, 22, "", ""},
		{"both keys", "target.test OTHER\ntarget.test KEY\n", false, 22, "", ""},
		{"another type", "target.test ECDSA\n", false, 22, "", ""},
		{"another type, and the key", "target.test ECDSA\ntarget.test KEY\n", false, 22, "", ""},
		{"upper case in the file", "TARGET.test KEY\n", false, 22, "", ""},
		{"upper case typed", "target.test KEY\n", false, 22, "TARGET.Test", ""},
		{"list", "a.test,target.test,b.test KEY\n", false, 22, "", ""},
		{"wildcard", "*.test KEY\n", false, 22, "", ""},
		{"wildcard of nothing", "target.test* KEY\n", false, 22, "", ""},
		{"question mark", "t?rget.test KEY\n", false, 22, "", ""},
		{"negated", "*.test,!target.test KEY\n", false, 22, "", ""},
		{"hashed", hashed("target.test") + " KEY\n", false, 22, "", ""},
		{"hashed, another host", hashed("other.test") + " KEY\n", false, 22, "", ""},
		{"comment at the end", "target.test KEY me@here\n", false, 22, "", ""},
		{"comment line", "# target.test OTHER\ntarget.test KEY\n", false, 22, "", ""},
		{"CRLF", "target.test KEY\r\n", false, 22, "", ""},
		{"malformed line", "target.test ssh-ed25519 AAAA!\nnonsense\ntarget.test KEY\n", false, 22, "", ""},
		{"unknown type", "target.test ssh-new AAAAB3\ntarget.test KEY\n", false, 22, "", ""},
		{"SSH1", "target.test 1024 35 1234567\ntarget.test KEY\n", false, 22, "", ""},
		{"long line", "# " + long + "\ntarget.test KEY\n", false, 22, "", ""},
		{"revoked", "target.test KEY\n@revoked target.test KEY\n", false, 22, "", ""},
		{"revoked for all", "target.test KEY\n@revoked * KEY\n", false, 22, "", ""},
		{"revoked for another host", "target.test KEY\n@revoked other.test KEY\n", false, 22, "", ""},
		{"unknown marker", "@trusted target.test KEY\n", false, 22, "", ""},
		{"port", "[target.test]:22522 KEY\n", false, 22522, "", ""},
		{"hashed port", hashed("[target.test]:22522") + " KEY\n", false, 22522, "", ""},
		{"another port", "[target.test]:22523 KEY\n", false, 22522, "", ""},
		{"no port in the file", "target.test KEY\n", false, 22522, "", ""},
		{"no port, another key", "target.test OTHER\n", false, 22522, "", ""},
		{"port with another key, and without", "[target.test]:22522 OTHER\ntarget.test KEY\n", false, 22522, "", ""},
		{"alias", "moon KEY\n", false, 22522, "", "Moon"},
		{"alias, but the name is known", "target.test KEY\n", false, 22, "", "moon"},
		{"address", "198.51.100.2 KEY\n", false, 22, "198.51.100.2", ""},
		{"IPv6", "2001:db8::2 KEY\n", false, 22, "2001:db8::2", ""},
		{"IPv6 and port", "[2001:db8::2]:22522 KEY\n", false, 22522, "2001:db8::2", ""},
		{"authority", "@cert-authority *.test CA\n", true, 22, "", ""},
		{"authority, port", "@cert-authority *.test CA\n", true, 22522, "", ""},
		{"authority, its port", "@cert-authority [*.test]:22522 CA\n", true, 22522, "", ""},
		{"authority, name that is not in it", "@cert-authority * CA\n", true, 22, "other.test", ""},
		{"another authority", "@cert-authority *.test OTHER\n", true, 22, "", ""},
		{"certificate, plain key known", "target.test KEY\n", true, 22, "", ""},
		{"revoked authority", "@cert-authority *.test CA\n@revoked * CA\n", true, 22, "", ""},
		{"authority as a key", "target.test CA\n", true, 22, "", ""},
	}
	lab.Need(t, "ssh")
	keys := newKeys(t)
	l := lab.New(t)
	l.Client.WriteFile(t, "/etc/hosts", "198.51.100.2 target.test other.test TARGET.Test\n")
	plain := l.Server.SSHD(t, "Port 22", "Port 22522", "HostKey "+keys.host)
	// The other server, in its own network, has a certificate as well.
	m := lab.New(t)
	m.Client.WriteFile(t, "/etc/hosts", "198.51.100.2 target.test other.test TARGET.Test\n")
	m.Server.SSHD(t, "Port 22", "Port 22522", "HostKey "+keys.host, "HostCertificate "+keys.cert)
	config := plain.ClientConfig(t, "")
	accepted := 0
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, server := l.Client, l.Server
			if tt.cert {
				client, server = m.Client, m.Server
			}
			file := filepath.Join(t.TempDir(), "known_hosts")
			if err := os.WriteFile(file, []byte(keys.replace(tt.file)), 0o600); err != nil {
				t.Fatal(err)
			}
			host := tt.host
			if host == "" {
				host = "target.test"
			}
			args := []string{"-F", config, "-o", "UserKnownHostsFile=" + file, "-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=yes", "-p", fmt.Sprint(tt.port)}
			if tt.alias != "" {
				args = append(args, "-o", "HostKeyAlias="+tt.alias)
			}
			out, err := client.Command("ssh", append(args, host, "true")...).CombinedOutput()
			known := ReadKnownHosts([]string{file}, host, uint16(tt.port), tt.alias)
			address := fmt.Sprintf("%v:%d", server.IP4, tt.port)
			conn, e := client.Dial("tcp", address, time.Second)
			if e != nil {
				t.Fatal(e)
			}
			got, e := Handshake(conn, known.Algorithms(), 5*time.Second)
			if e != nil || got.Key == nil || !strings.HasPrefix(got.Version, "SSH-2.0-OpenSSH") {
				t.Fatalf("Handshake = %+v, %v", got, e)
			}
			verdict, where := known.Judge(got.Key)
			if (verdict == Known) != (err == nil) {
				t.Errorf("Judge = %v by %q; ssh: %v: %s", verdict, where, err, out)
			}
			if err == nil {
				accepted++
			}
		})
	}
	t.Logf("ssh accepts %d of %d", accepted, len(tests))
}

// testKeys are the files of a host key and its certificate, and public keys.
type testKeys struct {
	host, cert            string
	key, other, ecdsa, ca string
}

func (k testKeys) replace(text string) string {
	return strings.NewReplacer("KEY", k.key, "OTHER", k.other, "ECDSA", k.ecdsa, "CA", k.ca).Replace(text)
}

func newKeys(t *testing.T) testKeys {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	line := func(key ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) }
	var k testKeys
	_, private, err := ed25519.GenerateKey(nil)
	check(err)
	block, err := ssh.MarshalPrivateKey(private, "")
	check(err)
	k.host = write("host_key", pem.EncodeToMemory(block))
	signer, err := ssh.NewSignerFromKey(private)
	check(err)
	k.key = line(signer.PublicKey())
	otherPublic, _, err := ed25519.GenerateKey(nil)
	check(err)
	other, err := ssh.NewPublicKey(otherPublic)
	check(err)
	k.other = line(other)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	another, err := ssh.NewPublicKey(&curve.PublicKey)
	check(err)
	k.ecdsa = line(another)
	_, caPrivate, err := ed25519.GenerateKey(nil)
	check(err)
	ca, err := ssh.NewSignerFromKey(caPrivate)
	check(err)
	k.ca = line(ca.PublicKey())
	cert := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{"target.test"},
		ValidBefore: ssh.CertTimeInfinity, Nonce: make([]byte, 32)}
	check(cert.SignCert(rand.Reader, ca))
	k.cert = write("host_key-cert.pub", ssh.MarshalAuthorizedKey(cert))
	return k
}
