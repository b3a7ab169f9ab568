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
