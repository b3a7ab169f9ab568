//go:build linux

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"knockpipe/internal/lab"
)

// TestWine runs knockpipe.exe with wine: through a real firewall, from the real ssh, and
// with options that Windows does not support. UDP is left out: Go asks for an option of
// UDP sockets, SIO_UDP_NETRESET, which wine 8 does not know.
func TestWine(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" {
		t.Skip("skipping, knockpipe.exe is amd64's")
	}
	l := lab.New(t)
	env, drive := l.Client.Wine(t)
	exe := filepath.Join(t.TempDir(), "knockpipe.exe")
	build := exec.Command("go", "build", "-o", exe, ".")
	build.Env = append(os.Environ(), "GOOS=windows", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l.Server.NftFile(t, "examples/nftables.conf")
	sshd := l.Server.SSHD(t)
	homes, _ := filepath.Glob(filepath.Join(drive, "users/*/AppData"))
	if len(homes) != 1 {
		t.Fatalf("got homes %q, want one", homes)
	}
	for path, text := range map[string]string{
		filepath.Join(filepath.Dir(homes[0]), ".ssh/knock_config"): "Host tango\r\n\tKnock " + sequence + "\r\n\tKnockTimeout 60\r\n\r\nHost runs\r\n\tKnock exec:knock\r\nHost pings\r\n\tKnock icmp\r\n",
		filepath.Join(drive, "ProgramData/ssh/ssh_config"):         "Host bravo\r\n\t# Knock: 1 2\r\n",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	for _, tt := range []struct {
		line string
		code int
		want string // what stdout or stderr begins with
	}{
		{"-F -f none 198.51.100.2 22 " + sequence, 2, "knockpipe: -F: stdout: this system cannot pass sockets between processes\nknockpipe: hint: remove -F and ProxyUseFdpass\n"},
		{"-n runs 198.51.100.2 22", 1, "knockpipe: 198.51.100.2: knock 1 of 1 (exec): not supported on this system\n"},
		{"-n pings 198.51.100.2 22", 1, "knockpipe: 198.51.100.2: knock 1 of 1 (icmp): not supported on this system\n"},
		{"-w 1 -f none 198.51.100.2 22 12345 23456 34567 45679", 1, "knockpipe: 4 knocks sent "},
		{"-f none 198.51.100.2 22", 1, "knockpipe: 198.51.100.2 port 22: "},
		{"-G bravo", 0, "host bravo # command line\nhostname bravo # default\nport 22 # default\naddressfamily any # default\nknock 1 2 # C:\\ProgramData\\ssh\\ssh_config:2\n"},
		{"-n tango 198.51.100.2 22", 0, "SSH-2.0-OpenSSH"},
	} {
		cmd := l.Client.Command("wine", append([]string{exe}, strings.Fields(tt.line)...)...)
		cmd.Env = append(cmd.Env, env...)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != tt.code || !strings.HasPrefix(string(out), tt.want) {
			t.Errorf("knockpipe %s: got exit %d, %q, want %d, %q", tt.line, got, out, tt.code, tt.want)
		}
		forget(t, l)
	}

	// Windows has no hangup, so none may reach wine.
	config := sshd.ClientConfig(t, "Host tango\n\tHostName 198.51.100.2\n\tProxyCommand sh -c 'trap \"\" HUP; exec wine "+exe+" -n %n %h %p'\n")
	data := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
	cmd := l.Client.Command("ssh", "-F", config, "tango", "cat")
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdin = bytes.NewReader(data)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	before := sshd.Connections()
	if out, err := cmd.Output(); err != nil || !bytes.Equal(out, data) || stderr.Len() > 0 {
		t.Errorf("ssh: got %d bytes, %v, %q, want the %d that were sent", len(out), err, &stderr, len(data))
	}
	sshd.Settle()
	if got := sshd.Connections() - before; got != 1 {
		t.Errorf("sshd saw %d connections, want 1:\n%s", got, sshd.Log())
	}
}
