package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"knockpipe/internal/check"
	"knockpipe/internal/ip"
)

// readCall reads the ProxyCommand as knockpipe itself will, with ssh's tokens replaced. It
// returns nil if the command is more than a call of knockpipe, because only a shell can
// tell what that does. The error shows nothing that may be a knock.
func readCall(c check.SSHConfig, typed, home string) (*options, error) {
	words, ok := callWords(c["proxycommand"], strings.NewReplacer(
		"%%", "%", "%h", c["hostname"], "%n", typed, "%p", c["port"], "%r", c["user"]), home)
	if !ok {
		return nil, nil
	}
	call, err := parseOptions(words[1:])
	switch {
	case err != nil:
		return nil, errors.New(unquoted(err.Error()))
	case call.mode != pipeMode:
		return nil, fmt.Errorf("with %s it makes no connection", cmp.Or(call.mode.option, "-h"))
	}
	return call, nil
}

// callWords returns the words of a plain call of knockpipe.
func callWords(command string, tokens *strings.Replacer, home string) ([]string, bool) {
	var words []string
	for _, word := range strings.Fields(command) {
		if word[0] == '#' { // a comment, to the shell
			break
		}
		if rest, ok := strings.CutPrefix(word, "~/"); ok && home != "" {
			word = filepath.Join(home, rest)
		}
		if word = tokens.Replace(word); len(words) > 0 && strings.ContainsAny(word, "|&;<>()$`\\\"'*?[~{}!") {
			return nil, false
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return nil, false
	}
	name := words[0][strings.LastIndexAny(words[0], `/\`)+1:]
	return words, strings.TrimSuffix(name, ".exe") == "knockpipe"
}

// unquoted returns a message without what it quotes.
func unquoted(message string) string {
	before, rest, found := strings.Cut(message, `"`)
	if !found {
		return message
	}
	return before + "..." + rest[strings.LastIndexByte(rest, '"')+1:]
}

// fill takes from ssh, and from how it calls knockpipe, what the command line leaves open:
// the HostName, the name only if the call passes that too, and the user only if it passes
// one. Of a command that is more than a call, only the tokens tell.
func (o *options) fill(c check.SSHConfig, call *options, typed string) {
	command := c["proxycommand"]
	if call == nil {
		call = &options{}
		if strings.Contains(command, "%n") {
			call.alias = typed
		}
		if strings.Contains(command, "%r") {
			call.login = c["user"]
		} else if !strings.Contains(command, "knockpipe") {
			call.login = o.login
		}
	}
	if name := c["hostname"]; o.alias == "" && name != "" {
		o.host, o.asSSH, o.alias = name, true, call.alias
		if strings.EqualFold(call.host, typed) { // a name that only ssh knows, perhaps
			o.host = typed
		}
	}
	if call.login != "" {
		o.login = cmp.Or(o.login, call.login)
	} else {
		o.login = ""
	}
	if port, err := parsePort(c["port"]); o.port == 0 && err == nil {
		o.port = port
	}
	if o.family == ip.Any {
		o.family, o.source = call.family, call.source
	}
	o.timeout = cmp.Or(o.timeout, call.timeout)
	o.config = cmp.Or(o.config, call.config)
	if len(o.knocks) == 0 && !call.knocks.Spent() {
		o.knocks = call.knocks
	}
}

// inspect reports what keeps ssh from using knockpipe, and with it the host's knock. The
// call is how ssh calls it, err what is wrong with that, and file the config of -f.
func (c *checkup) inspect(call *options, err error, file string) {
	const write = "write: ProxyCommand knockpipe %h %p"
	command, jump := c.ssh["proxycommand"], c.ssh["proxyjump"]
	none := command == "" || command == "none"
	fdpass := c.ssh["proxyusefdpass"] == "yes"
	knock := c.plan != nil && len(c.plan.knocks) > 0 && !c.plan.typed
	switch {
	case c.ssh == nil:
	case none && jump != "" && jump != "none" && knock:
		c.report.Find(check.Warn, "if it is guarded, write above that: ProxyCommand ssh JUMPHOST knockpipe %h %p",
			"the knock for %s is not used: ssh reaches it through ProxyJump %s", c.typed, jump)
	case none && jump != "" && jump != "none":
		c.report.Find(check.Warn, "the knock belongs to that host: check that one", "ssh reaches %s through ProxyJump %s", c.typed, jump)
	case none:
		c.report.Find(check.Fail, write, "ssh has no ProxyCommand for %s", c.typed)
	case !strings.Contains(command, "knockpipe"):
		c.report.Find(check.Warn, "if it does not call knockpipe, "+write+"; ssh uses the first one that applies to the host",
			"the ProxyCommand for %s is not knockpipe", c.typed)
	case err != nil:
		c.report.Find(check.Fail, write, "the ProxyCommand for %s does not work: %v", c.typed, err)
	case call != nil && !strings.EqualFold(call.host, c.ssh["hostname"]) && !strings.EqualFold(call.host, c.typed):
		c.report.Find(check.Warn, write, "the ProxyCommand for %s names another host than ssh does", c.typed)
	case call != nil && strconv.Itoa(int(call.port)) != c.ssh["port"]:
		c.report.Find(check.Warn, write, "the ProxyCommand for %s names another port than ssh does", c.typed)
	case call != nil && call.config == "" && knock && c.unusual(file):
		c.report.Find(check.Warn, "if you run ssh -F "+file+", write: ProxyCommand knockpipe -f "+file+" %h %p",
			"the ProxyCommand for %s does not pass -f, so knockpipe reads only the usual files", c.typed)
	case fdpass && !passes(command):
		c.report.Find(check.Fail, "write: ProxyCommand knockpipe -F %h %p", "ProxyUseFdpass is set, but knockpipe is run without -F")
	case !fdpass && passes(command):
		c.report.Find(check.Fail, "write: ProxyUseFdpass yes", "knockpipe is run with -F, but ProxyUseFdpass is not set")
	default:
		c.report.Find(check.OK, "", "ssh runs knockpipe for %s", c.typed)
	}
}

// unusual reports whether knockpipe reads a file only if it is named.
func (c *checkup) unusual(file string) bool {
	if file == "" || file == "none" {
		return false
	}
	named, err := os.Stat(file)
	for _, path := range []string{c.plan.places.User, c.plan.places.System} {
		if usual, e := os.Stat(path); err == nil && e == nil && os.SameFile(named, usual) {
			return false
		}
	}
	return true
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
