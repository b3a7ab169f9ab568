package check

import (
	"bufio"
	"context"
	"errors"
	"os/exec"
	"strings"
	"time"
)

// sshTime bounds ssh -G, which runs the commands of Match exec.
const sshTime = 10 * time.Second

// An SSHConfig holds ssh's own settings, by keyword in lower case.
type SSHConfig map[string]string

// ReadSSHConfig asks a real ssh for its settings with the given arguments. The error is
// ssh's complaint about its config.
func ReadSSHConfig(path string, args ...string) (SSHConfig, error) {
	ctx, cancel := context.WithTimeout(context.Background(), sshTime)
	defer cancel()
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, path, append([]string{"-G"}, args...)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		if first == "" {
			first = err.Error()
		}
		return nil, errors.New(strings.TrimSpace(first))
	}
	c := SSHConfig{}
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if keyword, value, ok := strings.Cut(lines.Text(), " "); ok && c[keyword] == "" {
			c[keyword] = value
		}
	}
	return c, nil
}

// Inspect reports what keeps ssh from using knockpipe properly.
func (c SSHConfig) Inspect(r *Report, host string) {
	command := c["proxycommand"]
	fdpass := c["proxyusefdpass"] == "yes"
	switch jump := c["proxyjump"]; {
	case (command == "" || command == "none") && jump != "" && jump != "none":
		r.Find(Warn, "the knock belongs to that host: check that one", "ssh reaches %s through ProxyJump %s", host, jump)
	case command == "" || command == "none":
		r.Find(Fail, "write: ProxyCommand knockpipe %h %p", "ssh has no ProxyCommand for %s", host)
	case !strings.Contains(command, "knockpipe"):
		r.Find(Warn, "if it does not call knockpipe, write: ProxyCommand knockpipe %h %p", "the ProxyCommand for %s is not knockpipe", host)
	case fdpass && !passes(command):
		r.Find(Fail, "write: ProxyCommand knockpipe -F %h %p", "ProxyUseFdpass is set, but knockpipe is run without -F")
	case !fdpass && passes(command):
		r.Find(Fail, "write: ProxyUseFdpass yes", "knockpipe is run with -F, but ProxyUseFdpass is not set")
	default:
		r.Find(OK, "", "ssh runs knockpipe for %s", host)
	}
}

// passes reports whether a command line gives knockpipe the option -F.
func passes(command string) bool {
	for _, word := range strings.Fields(command) {
		if word == "-F" || word == "--F" {
			return true
		}
		if word == "--" {
			return false
		}
	}
	return false
}
