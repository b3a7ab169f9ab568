package check

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"knockpipe/internal/file"
	"knockpipe/internal/match"
)

// maxKnownHosts is the largest known_hosts file that is read, in bytes.
const maxKnownHosts = 16 << 20

// maxLine is the longest line of a known_hosts file that is read, in bytes.
const maxLine = 64 << 10

// An entry is one line of a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE
// FORMAT").
type entry struct {
	file   string
	line   int
	marker string // "", "@cert-authority" or "@revoked"
	hosts  string
	key    ssh.PublicKey
}

// where returns the entry's file and line.
func (e entry) where() string { return fmt.Sprintf("%s:%d", e.file, e.line) }

// readEntries reads known_hosts files as ssh does: it ignores missing files, the name
// "none", and lines that it cannot parse.
func readEntries(files []string) []entry {
	var all []entry
	for _, path := range files {
		text, err := file.ReadRegular(path, maxKnownHosts)
		if err != nil {
			continue
		}
		number := 0
		for line := range bytes.Lines(text) {
			number++
			if e, ok := parseEntry(string(line)); ok {
				e.file, e.line = path, number
				all = append(all, e)
			}
		}
	}
	return all
}

func parseEntry(line string) (entry, bool) {
	fields := strings.Fields(line)
	if len(line) > maxLine || len(fields) == 0 || fields[0][0] == '#' {
		return entry{}, false
	}
	var e entry
	if fields[0][0] == '@' {
		e.marker, fields = fields[0], fields[1:]
		if e.marker != "@cert-authority" && e.marker != "@revoked" {
			return entry{}, false
		}
	}
	if len(fields) < 3 {
		return entry{}, false
	}
	blob, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		return entry{}, false
	}
	e.hosts = fields[0]
	if e.key, err = ssh.ParsePublicKey(blob); err != nil || e.key.Type() != fields[1] {
		return entry{}, false
	}
	return e, true
}

// matches reports whether the entry is about a host. The host is in lower case, with its
// port as ssh writes it.
func (e entry) matches(host string) bool {
	if rest, ok := strings.CutPrefix(e.hosts, "|1|"); ok {
		return hashedHost(rest, host)
	}
	found := false
	for _, pattern := range strings.Split(e.hosts, ",") {
		negated := strings.HasPrefix(pattern, "!")
		if !match.Wildcard(strings.ToLower(strings.TrimPrefix(pattern, "!")), host) {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

// hashedHost compares a host with the form that HashKnownHosts makes of a name:
// "salt|HMAC-SHA1".
func hashedHost(text, host string) bool {
	salt, sum, _ := strings.Cut(text, "|")
	key, err := base64.StdEncoding.DecodeString(salt)
	want, err2 := base64.StdEncoding.DecodeString(sum)
	if err != nil || err2 != nil {
		return false
	}
	mac := hmac.New(sha1.New, key)
	mac.Write([]byte(host))
	return hmac.Equal(mac.Sum(nil), want)
}
