//go:build linux

package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// isolate gives the calling thread namespaces of its own, which its children
// share.
func isolate() error {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE); err != nil {
		return err
	}
	// Daemons and logins leave files there.
	for _, dir := range []string{"/run", "/var/log"} {
		if err := mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV); err != nil {
			return err
		}
	}
	if err := os.Mkdir("/run/sshd", 0o755); err != nil { // sshd's empty cell
		return err
	}
	for _, name := range []string{"/run/utmp", "/var/log/wtmp", "/var/log/lastlog"} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			return err
		}
	}
	for _, s := range [][2]string{
		{"net.ipv6.conf.default.accept_dad", "0"}, // addresses work at once
		{"net.ipv6.conf.default.router_solicitations", "0"},
		{"net.ipv6.conf.all.keep_addr_on_down", "1"},
		{"net.ipv4.ip_forward", "0"}, // the machine's setting is inherited
	} {
		if err := sysctl(s[0], s[1]); err != nil {
			return err
		}
	}
	return nil
}

func mount(source, target, fstype string, flags uintptr) error {
	return mountWith(source, target, fstype, flags, "")
}

func mountWith(source, target, fstype string, flags uintptr, options string) error {
	if err := unix.Mount(source, target, fstype, flags, options); err != nil {
		return fmt.Errorf("mount on %s: %w", target, err)
	}
	return nil
}

// sysctl sets a kernel parameter of the calling thread's network.
func sysctl(key, value string) error {
	return os.WriteFile("/proc/sys/"+strings.ReplaceAll(key, ".", "/"), []byte(value), 0)
}

// Bind shows the file or directory src at dst, only to this host. There must be one of
// the same kind at dst. A Bind over the home directory gives another one to programs that
// look it up in the password file, as ssh does.
func (h *Host) Bind(t testing.TB, src, dst string) {
	t.Helper()
	var err error
	h.Do(func() { err = mount(src, dst, "", unix.MS_BIND|unix.MS_REC) })
	if err != nil {
		t.Fatalf("lab: bind %s on %s: %v", src, h.Name, err)
	}
}

// WriteFile replaces the content of an existing file such as /etc/hosts, only for this
// host.
func (h *Host) WriteFile(t testing.TB, path, text string) {
	t.Helper()
	src := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(src, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	h.Bind(t, src, path)
}

// Overlay lets the host write below directories such as /usr as if they were its own:
// nobody else sees the changes, and none are left after the test. It needs root, because
// files of root cannot be copied in a user namespace.
func (h *Host) Overlay(t testing.TB, dirs ...string) {
	t.Helper()
	if !realRoot() {
		skip(t, "an overlay of the system's folders needs root")
	}
	for _, dir := range dirs {
		layers := filepath.Join("/run/overlay", dir) // the host's own tmpfs
		upper, work := filepath.Join(layers, "upper"), filepath.Join(layers, "work")
		var err error
		h.Do(func() {
			err = errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o755))
			if err == nil {
				err = mountWith("overlay", dir, "overlay", 0, "lowerdir="+dir+",upperdir="+upper+",workdir="+work)
			}
		})
		if err != nil {
			skip(t, "no overlay of %s: %v", dir, err)
		}
	}
}
