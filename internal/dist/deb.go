package main

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"strings"
)

// maintainer is whom Debian's tools name. Nobody reads mail there.
const maintainer = "The knockpipe authors <maintainers@knockpipe.example>"

// deb makes the package for a target: an ar archive of a version, a tarball about
// the package and a tarball of its files.
func (r *release) deb(t target, files []file) (name string, data []byte, err error) {
	version, err := debianVersion(r.version)
	if err != nil {
		return "", nil, err
	}
	name = fmt.Sprintf("knockpipe_%s_%s.deb", version, t.debian)
	tree, err := r.debianTree(version, files)
	if err != nil {
		return name, nil, err
	}
	var sums strings.Builder
	for _, f := range byName(tree) {
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(f.data), strings.TrimPrefix(f.name, "./"))
	}
	about, err := tarball([]file{
		{"./control", 0o644, fmt.Appendf(nil, control, version, t.debian, maintainer, installedSize(tree))},
		{"./md5sums", 0o644, []byte(sums.String())},
	}, r.time)
	if err != nil {
		return name, nil, err
	}
	contents, err := tarball(tree, r.time)
	if err != nil {
		return name, nil, err
	}
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, f := range []file{{"debian-binary", 0o644, []byte("2.0\n")}, {"control.tar.gz", 0o644, about}, {"data.tar.gz", 0o644, contents}} {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", f.name, r.time.Unix(), 0, 0, 0o100000|f.mode, len(f.data))
		b.Write(f.data)
		if len(f.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return name, b.Bytes(), nil
}

const control = `Package: knockpipe
Version: %s
Architecture: %s
Maintainer: %s
Installed-Size: %d
Recommends: openssh-client
Section: net
Priority: optional
Description: OpenSSH ProxyCommand that knocks and is the pipe
 knockpipe reaches an sshd that hides behind a port knock. As a ProxyCommand of
 ssh it sends the knock, waits until the port opens, and is then the pipe
 between ssh and that one connection, so that ssh, scp, sftp, rsync and git
 work as if there were no guard.
 .
 It sends TCP, UDP and ICMP knocks, one-time sequences of knockd and the single
 packet authorization of fwknop, and finds a host's knock in ssh_config.
`

// installedSize is an estimate in KiB, as dpkg-gencontrol makes it.
func installedSize(tree []file) int {
	size := len(folders(tree))
	for _, f := range tree {
		size += (len(f.data) + 1023) / 1024
	}
	return size
}
