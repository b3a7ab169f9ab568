package cli

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"knockpipe/config"
	"knockpipe/internal/check"
)

// askSSH asks the real ssh for its settings, and reports it if ssh cannot read them.
func (o *options) askSSH(r *check.Report, typed string) check.SSHConfig {
	path, err := exec.LookPath("ssh")
	if err != nil {
		r.Find(check.Warn, "", "ssh is not installed, so its config cannot be checked")
		return nil
	}
	c, err := check.ReadSSHConfig(path, o.sshArgs(typed)...)
	if err != nil && o.config != "" {
		r.Find(check.Warn, "", "ssh does not read %s: %s", o.config, hideWords(err.Error(), o.config))
		return nil
	} else if err != nil {
		r.Find(check.Fail, "", "ssh: %s", hideWords(err.Error(), o.config))
		return nil
	}
	return c
}

// hideWords returns ssh's message about a line of a file without what it quotes from the
// line, which may be part of a knock. It keeps plain words, our keywords, file names and
// the line number.
func hideWords(message, file string) string {
	words := strings.Fields(message)
	for i, word := range words {
		bare := strings.Trim(word, `"'.:;,()[]`)
		ours := len(bare) >= 5 && strings.EqualFold(bare[:5], "knock")
		_, err := strconv.Atoi(bare)
		switch {
		case ours && slices.ContainsFunc(config.Keywords(), func(name string) bool { return strings.EqualFold(name, bare) }):
			if i+1 < len(words) { // what follows stands on its line
				return strings.Join(words[:i+1], " ") + " ..."
			}
		case !ours && strings.Trim(strings.ToLower(bare), "abcdefghijklmnopqrstuvwxyz'") == "":
		case filepath.IsAbs(bare), strings.Trim(word, ":") == file:
		case err == nil && i > 0 && (words[i-1] == "line" || words[i-1] == "status"):
		default:
			words[i] = "..."
		}
	}
	return strings.Join(words, " ")
}

// sshArgs are the options in ssh's form.
func (o *options) sshArgs(typed string) []string {
	var args []string
	give := func(flag, value string, given bool) {
		if given {
			args = append(args, flag, value)
		}
	}
	give("-F", o.config, o.config != "")
	give("-l", o.login, o.login != "")
	give("-p", strconv.Itoa(int(o.port)), o.port != 0)
	return append(args, "--", typed)
}
