//go:build linux

package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"knockpipe/internal/lab"
)

// installed is what each package installs at least, whatever its kind, as stat
// shows it. The rest is compared with the module's own folders.
var installed = []string{
	"755 root:root /usr/bin/knockpipe",
	"700 root:root /etc/knockpipe",
	"644 root:root /usr/share/man/man1/knockpipe.1.gz",
	"644 root:root /usr/share/man/man5/knock_config.5.gz",
	"644 root:root /usr/share/man/man7/knockpipe-server.7.gz",
	"644 root:root /usr/share/doc/knockpipe/doc/walks.md",
	"644 root:root /usr/share/bash-completion/completions/knockpipe",
	"644 root:root /usr/share/fish/vendor_completions.d/knockpipe.fish",
	"644 root:root /usr/share/doc/knockpipe/README.md",
	"644 root:root /usr/share/doc/knockpipe/changelog.gz",
	"644 root:root /usr/share/doc/knockpipe/examples/nftables.conf",
	"644 root:root /usr/share/doc/knockpipe/examples/knockpipe-db@.service",
	"755 root:root /usr/share/doc/knockpipe/examples",
}

const (
	site     = "644 root:root /usr/share/zsh/site-functions/_knockpipe"
	licences = "644 root:root /usr/share/licenses/knockpipe/LICENSE"
)

// TestPackages has the tools of distributions install, upgrade and remove the
// packages, on a host of the lab whose files are an overlay.
func TestPackages(t *testing.T) {
	for _, tt := range []struct {
		name                                    string
		tools                                   []string
		old, new                                string   // a release candidate and the release
		installed                               []string // besides
		prepare                                 string   // a command
		install, upgrade, verify, files, remove string   // commands; the first two take a package
		purge                                   string   // empty if there is no such thing
	}{
		{
			name: "deb", tools: []string{"dpkg"}, old: "knockpipe_1.2.3~rc1-1_amd64.deb", new: "knockpipe_1.2.3-1_amd64.deb",
			installed: []string{
				"644 root:root /usr/share/zsh/vendor-completions/_knockpipe",
				"644 root:root /usr/share/doc/knockpipe/changelog.Debian.gz",
				"644 root:root /usr/share/doc/knockpipe/copyright",
			},
			// Containers leave documentation out by their settings.
			install: "dpkg --no-triggers --path-include=* -i", upgrade: "dpkg --no-triggers --path-include=* -i",
			verify: "dpkg --verify knockpipe", files: "dpkg -L knockpipe", remove: "dpkg --remove knockpipe", purge: "dpkg --purge knockpipe",
		},
		{
			name: "rpm", tools: []string{"rpm"}, old: "knockpipe-1.2.3~rc1-1.x86_64.rpm", new: "knockpipe-1.2.3-1.x86_64.rpm",
			installed: []string{site, licences},
			// Nothing else on a Debian is rpm's, and its records are in root's home.
			prepare: "mkdir -p /etc/rpm && printf '%%_dbpath /var/lib/rpm\\n' >/etc/rpm/macros",
			install: "rpm --nodeps --force-debian -i", upgrade: "rpm --nodeps --force-debian -U",
			verify: "rpm --nodeps -V knockpipe", files: "rpm -ql knockpipe", remove: "rpm --nodeps -e knockpipe",
		},
		{
			name: "archlinux", tools: []string{"pacman"}, old: "knockpipe-1.2.3rc1-1-x86_64.pkg.tar.zst", new: "knockpipe-1.2.3-1-x86_64.pkg.tar.zst",
			installed: []string{site, licences},
			prepare:   "test -L /bin && ln -sf bash /usr/bin/sh", // as Arch has it, where scripts rely on that
			install:   "pacman --noconfirm -U", upgrade: "pacman --noconfirm -U",
			verify: "pacman -Qkkq knockpipe", files: "pacman -Qlq knockpipe", remove: "pacman --noconfirm -R knockpipe",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOARCH != "amd64" {
				t.Skip("skipping, the packages are amd64's")
			}
			h := lab.New(t).Server
			lab.Need(t, tt.tools...)
			lab.Need(t, "systemctl")
			h.Overlay(t, "/usr", "/etc", "/var")
			first, second := firstRelease(t), t.TempDir()
			r := &release{root: first.root, out: second, version: "v1.2.3", time: testTime, packagers: packagersNamed(tt.name)}
			if _, err := r.packages(named(t, "linux/amd64"), first.files); err != nil {
				t.Fatal(err)
			}
			sh := func(command string) string {
				t.Helper()
				cmd := h.Command("sh", "-ec", command)
				cmd.Env = append(cmd.Env, "LC_ALL=C.UTF-8", "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v\n%s", command, err, out)
				}
				return string(out)
			}
			check := func() {
				t.Helper()
				if got := sh("/usr/bin/knockpipe -V"); got != "knockpipe "+testVersion+"\n" { // both have the same program
					t.Errorf("knockpipe -V: got %q", got)
				}
				if out := sh(tt.verify); strings.TrimSpace(out) != "" {
					t.Errorf("%s: %s", tt.verify, out)
				}
			}
			const link = "/etc/systemd/system/timers.target.wants/knockpipe-test.timer"

			sh(tt.prepare)
			sh(tt.install + " " + filepath.Join(first.out, tt.old))
			check()
			files := strings.Fields(sh(tt.files))
			got := strings.Split(sh("stat -c '%a %U:%G %n' "+strings.Join(files, " ")), "\n")
			for i, line := range got {
				got[i] = strings.TrimSuffix(line, "/") // pacman's folders
			}
			for _, want := range slices.Concat(installed, tt.installed, units(t, first.root)) {
				if !slices.Contains(got, want) {
					t.Errorf("%s is not installed", want)
				}
			}
			if out := sh("ls -d " + link + " || true"); strings.HasPrefix(out, link) {
				t.Error("a unit is enabled at once")
			}
			sh("systemctl enable knockpipe-test.timer && touch /etc/knockpipe/tango.key && mkdir -p /var/lib/knockpipe")

			if out := sh(tt.upgrade + " " + filepath.Join(second, tt.new)); strings.Contains(out, "downgrading") {
				t.Errorf("%s is older than %s: %s", tt.new, tt.old, out)
			}
			check()
			sh("test -L " + link + " -a -e /etc/knockpipe/tango.key")

			sh(tt.remove)
			sh("test ! -L " + link + " -a -e /etc/knockpipe/tango.key -a -d /var/lib/knockpipe")
			if tt.purge != "" {
				sh(tt.purge)
				sh("test -e /etc/knockpipe/tango.key -a ! -e /var/lib/knockpipe")
			}
			sh("rm -r /etc/knockpipe")
			for _, name := range files {
				if strings.Contains(name, "knockpipe") {
					sh("test ! -e " + name)
				}
			}
			// Once more, onto what was left.
			sh(tt.install + " " + filepath.Join(second, tt.new))
			check()
		})
	}
}

// units are the units that a package installs.
func units(t *testing.T, root string) (lines []string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, "examples/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if isUnit(name) {
			lines = append(lines, "644 root:root /usr/lib/systemd/system/"+filepath.Base(name))
		}
	}
	if len(lines) < 2 {
		t.Fatalf("got units %q, want those of the test at least", lines)
	}
	return lines
}

// TestLintian runs Debian's lintian on the package. It must find nothing.
func TestLintian(t *testing.T) {
	t.Parallel()
	lab.Need(t, "lintian")
	first := firstRelease(t)
	cmd := exec.Command("lintian", "--allow-root", filepath.Join(first.out, "knockpipe_1.2.3~rc1-1_amd64.deb"))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("lintian: %v\n%s", err, out)
	}
}

// TestAPK reads the package for Alpine as apk does, which no Debian has: two
// archives, the first of which has the checksum of the second.
func TestAPK(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(firstRelease(t).out, "knockpipe_1.2.3_rc1-r1_x86_64.apk"))
	if err != nil {
		t.Fatal(err)
	}
	rest := bytes.NewReader(data)
	z, err := gzip.NewReader(rest)
	if err != nil {
		t.Fatal(err)
	}
	z.Multistream(false)
	about := make(map[string]string)
	control := tar.NewReader(z)
	if h, err := control.Next(); err != nil || h.Name != ".PKGINFO" {
		t.Fatalf("got %v, %v, want .PKGINFO first", h, err)
	}
	for scanner := bufio.NewScanner(control); scanner.Scan(); {
		key, value, _ := strings.Cut(scanner.Text(), " = ")
		about[key] = value
	}
	if _, err := io.Copy(io.Discard, z); err != nil {
		t.Fatal(err)
	}
	second := data[len(data)-rest.Len():]
	for key, want := range map[string]string{
		"pkgname": "knockpipe", "pkgver": "1.2.3_rc1-r1", "arch": "x86_64", "license": "MIT",
		"datahash": fmt.Sprintf("%x", sha256.Sum256(second)),
	} {
		if about[key] != want {
			t.Errorf("%s: got %q, want %q", key, about[key], want)
		}
	}
	if z, err = gzip.NewReader(bytes.NewReader(second)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(testTime) {
			t.Errorf("%s: got %v, want %v", h.Name, h.ModTime, testTime)
		}
		got = append(got, fmt.Sprintf("%o %s:%s /%s", h.Mode&0o7777, h.Uname, h.Gname, strings.TrimSuffix(h.Name, "/")))
	}
	for _, want := range append(slices.Clone(installed), site, licences) {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in the package", want)
		}
	}
	if slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "systemd") }) {
		t.Error("Alpine has no systemd, and the package has units")
	}
}

// packagersNamed is the one packager of that name.
func packagersNamed(name string) []packager {
	return slices.DeleteFunc(slices.Clone(packagers), func(p packager) bool { return p.name != name })
}
