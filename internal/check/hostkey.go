package check

import (
	"bytes"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// A Verdict is ssh's opinion of a host's key.
type Verdict int

// The verdicts. StrictHostKeyChecking yes accepts only a known key.
const (
	Unknown Verdict = iota
	Known
	Changed
	Revoked
)

// KnownHosts is what the user's known_hosts files say about one host.
type KnownHosts struct {
	entries []entry
	host    string // as ssh looks it up
	bare    string // without its port; empty if there is none to leave out
}

// ReadKnownHosts reads files for a host. The alias is ssh's HostKeyAlias, which
// stands for name and port; it may be empty.
func ReadKnownHosts(files []string, host string, port uint16, alias string) *KnownHosts {
	k := &KnownHosts{entries: readEntries(files), host: strings.ToLower(host)}
	switch {
	case alias != "":
		k.host = strings.ToLower(alias)
	case port != 22:
		k.bare = k.host
		k.host = "[" + k.host + "]:" + strconv.Itoa(int(port))
	}
	return k
}

// Algorithms orders the algorithms of host keys as ssh does: first those of which
// the host has a known key.
func (k *KnownHosts) Algorithms() []string {
	var first, last []string
	for _, kind := range []struct{ key, algorithms string }{
		{ssh.KeyAlgoED25519, ssh.KeyAlgoED25519},
		{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA256},
		{ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA384},
		{ssh.KeyAlgoECDSA521, ssh.KeyAlgoECDSA521},
		{ssh.KeyAlgoRSA, ssh.KeyAlgoRSASHA512 + " " + ssh.KeyAlgoRSASHA256},
	} {
		names := strings.Fields(kind.algorithms)
		if k.has("", kind.key) {
			first = append(first, names...)
		} else {
			last = append(last, names...)
		}
	}
	certs := []string{ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
		ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01}
	if k.has("@cert-authority", "") {
		return append(append(certs, first...), last...)
	}
	return append(append(first, last...), certs...)
}

// has reports whether an entry of the host is of this kind.
func (k *KnownHosts) has(marker, keyType string) bool {
	for _, e := range k.entries {
		if e.marker == marker && (keyType == "" || e.key.Type() == keyType) && (e.matches(k.host) || k.bare != "" && e.matches(k.bare)) {
			return true
		}
	}
	return false
}

// Judge returns ssh's verdict on a key that the host has shown (sshconnect.c,
// check_host_key), and the line that decides it.
func (k *KnownHosts) Judge(key ssh.PublicKey) (Verdict, string) {
	for _, e := range k.entries {
		if e.marker == "@revoked" && e.matches(k.host) && revokes(e.key, key) {
			return Revoked, e.where()
		}
	}
	verdict, where := k.judge(k.host, key)
	if verdict == Unknown && k.bare != "" {
		if v, w := k.judge(k.bare, key); v == Known {
			return v, w
		}
	}
	return verdict, where
}

func (k *KnownHosts) judge(host string, key ssh.PublicKey) (Verdict, string) {
	if cert, ok := key.(*ssh.Certificate); ok {
		for _, e := range k.entries {
			if e.marker == "@cert-authority" && e.matches(host) && vouches(e.key, cert, host) {
				return Known, e.where()
			}
		}
		key = cert.Key // ssh falls back to the plain key
	}
	verdict, where := Unknown, ""
	for _, e := range k.entries {
		if e.marker != "" || !e.matches(host) {
			continue
		}
		if bytes.Equal(e.key.Marshal(), key.Marshal()) {
			return Known, e.where()
		}
		if verdict == Unknown {
			verdict, where = Changed, e.where()
		}
	}
	return verdict, where
}

// revokes reports whether a revoked key is this key or has signed it.
func revokes(revoked, key ssh.PublicKey) bool {
	if cert, ok := key.(*ssh.Certificate); ok {
		return bytes.Equal(revoked.Marshal(), cert.SignatureKey.Marshal()) || bytes.Equal(revoked.Marshal(), cert.Key.Marshal())
	}
	return bytes.Equal(revoked.Marshal(), key.Marshal())
}

// vouches reports whether this authority signed a certificate that is valid for the host.
func vouches(authority ssh.PublicKey, cert *ssh.Certificate, host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	checker := ssh.CertChecker{Clock: time.Now}
	return cert.CertType == ssh.HostCert && bytes.Equal(authority.Marshal(), cert.SignatureKey.Marshal()) && checker.CheckCert(host, cert) == nil
}
