//go:build linux

package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A System is a systemd that boots on a host, in the host's network. It sees this
// machine's programs, and none of the units that this machine has enabled. What it writes
// lasts from one boot to the next, and no longer than the test.
type System struct {
	t     testing.TB
	host  *Host
	pid   int           // of its init, while it runs
	ended chan struct{} // closed when that has ended
}

// written is where the host has what a System writes: in its own tmpfs.
const written = "/run/system/upper"

// boots is the script that starts systemd in namespaces of its own. As in a container, the
// settings of the kernel are not writable.
const boots = `set -e
root=/run/system/root
mount -t overlay overlay -o lowerdir=/,upperdir=/run/system/upper,workdir=/run/system/work $root
cd $root
mount -t proc proc proc
mount -o bind,ro proc/sys proc/sys
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs dev
for name in null zero full random urandom tty; do touch dev/$name; mount --bind /dev/$name dev/$name; done
mkdir dev/pts dev/shm
mount -t tmpfs tmpfs sys/fs/cgroup
if grep -q 'name=systemd' /proc/self/cgroup; then
	mkdir sys/fs/cgroup/systemd
	mount -t cgroup cgroup -o none,name=systemd sys/fs/cgroup/systemd
else
	mount -t cgroup2 cgroup2 sys/fs/cgroup
fi
exec env -i container=lab NOTIFY_SOCKET=@knockpipe-lab PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . setpriv \
	--bounding-set -sys_time,-sys_module,-sys_rawio,-mknod /lib/systemd/systemd --show-status=0
`

// Systemd prepares a System that has no unit enabled.
func (h *Host) Systemd(t testing.TB) *System {
	t.Helper()
	Need(t, "systemctl", "unshare", "nsenter", "setpriv")
	if !realRoot() {
		skip(t, "a systemd of its own needs root")
	}
	s := &System{t: t, host: h}
	var err error
	h.Do(func() {
		for _, dir := range []string{"/run/system/work", "/run/system/root"} {
			err = errors.Join(err, os.MkdirAll(dir, 0o755))
		}
		// What is enabled on this machine is not to start again.
		for _, dir := range []string{"/etc/systemd/system", "/etc/init.d"} {
			err = errors.Join(err, os.MkdirAll(written+dir, 0o755), unix.Setxattr(written+dir, "trusted.overlay.opaque", []byte("y"), 0))
		}
	})
	if err != nil {
		skip(t, "no overlay for a systemd: %v", err)
	}
	s.Write("/etc/fstab", "", 0o644)
	s.Write("/etc/machine-id", strings.Repeat("0123456789abcdef", 2)+"\n", 0o444)
	s.Write("/etc/systemd/system/default.target", "[Unit]\nRequires=basic.target\nWants=multi-user.target\nAfter=basic.target\n", 0o644)
	s.Write("/etc/systemd/system/multi-user.target", "[Unit]\nRequires=basic.target\nAfter=basic.target\n", 0o644)
	return s
}

// Write writes a file of the System, before a boot. Folders are made for it.
func (s *System) Write(path, text string, mode fs.FileMode) {
	s.t.Helper()
	var err error
	s.host.Do(func() {
		err = errors.Join(os.MkdirAll(filepath.Dir(written+path), 0o755), os.WriteFile(written+path, []byte(text), mode))
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// Boot starts systemd, and returns when everything that is enabled has started.
func (s *System) Boot() {
	s.t.Helper()
	var ready net.PacketConn // systemd tells it what a service tells systemd
	var err error
	s.host.Do(func() { ready, err = net.ListenPacket("unixgram", "@knockpipe-lab") })
	if err != nil {
		s.t.Fatalf("lab: %v", err)
	}
	defer ready.Close()
	var log strings.Builder
	cmd := s.host.Command("unshare", "--pid", "--mount", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child", "sh", "-c", boots)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("lab: %v", err)
	}
	s.ended = make(chan struct{})
	go func() {
		cmd.Wait()
		close(s.ended)
		ready.SetDeadline(time.Now())
	}()
	ready.SetDeadline(time.Now().Add(10 * patience))
	for told := make([]byte, 4096); ; {
		n, _, err := ready.ReadFrom(told)
		if err != nil {
			cmd.Process.Kill()
			<-s.ended
			s.t.Fatalf("lab: systemd has not booted: %v: %s", err, &log)
		}
		if strings.Contains("\n"+string(told[:n]), "\nREADY=1\n") {
			break
		}
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
	if err == nil {
		s.pid, err = strconv.Atoi(strings.TrimSpace(string(children)))
	}
	if err != nil {
		s.t.Fatalf("lab: systemd has no process: %v", err)
	}
}

// Shutdown ends the System in order, as poweroff does.
func (s *System) Shutdown() {
	s.t.Helper()
	s.Run("systemctl", "--no-block", "poweroff")
	select {
	case <-s.ended:
	case <-time.After(10 * patience):
		s.t.Fatal("lab: systemd does not power off")
	}
}

// Command returns a command that runs in the System.
func (s *System) Command(name string, args ...string) *Cmd {
	return s.host.Command("nsenter", append([]string{"-t", fmt.Sprint(s.pid), "-m", "-u", "-i", "-p", "-C", "-r", "-w", "--", name}, args...)...)
}

// Run runs a command in the System, which must not fail, and returns what it prints.
func (s *System) Run(name string, args ...string) string {
	s.t.Helper()
	out, err := s.Command(name, args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
