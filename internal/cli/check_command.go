package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"knockpipe/config"
	"knockpipe/internal/check"
	"knockpipe/internal/ip"
)

// readCall reads the ProxyCommand as knockpipe itself will, with ssh's tokens replaced. It
// returns nil if the command is more than a call of knockpipe, because only a shell can
// tell what that does. The error shows nothing that may be a knock.
func readCall(c check.SSHConfig, typed, home string) (*options, error) {
	tokens := strings.NewReplacer("%%", "%", "%h", c["hostname"], "%n", typed, "%p", c["port"], "%r", c["user"])
	words, ok := callWords(tokens.Replace(c["proxycommand"]), home)
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

// callWords returns the words of a plain call of knockpipe. Its quotes are those of ssh's
// config, because those of a shell differ only in what no plain call has.
func callWords(command, home string) ([]string, bool) {
	command = strings.TrimPrefix(command, "exec ") // ssh runs it so in any case
	if home != "" {
		command = strings.ReplaceAll(command, " ~/", " "+home+"/")
	}
	words, ok := config.SplitWords(command)
	if !ok || len(words) == 0 {
		return nil, false
	}
	for _, word := range words[1:] { // the first one may be a path of Windows
		if strings.ContainsAny(word, "|&;<>()$`\\\"'*?[~{}!") {
			return nil, false
		}
	}
	return words, strings.TrimSuffix(program(words[0]), ".exe") == "knockpipe"
}

// program is the last part of a path of Unix or Windows.
func program(path string) string { return path[strings.LastIndexAny(path, `/\`)+1:] }

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
	if len(o.knocks) == 0 {
		o.knocks = call.knocks
	}
}

// inspect reports what keeps ssh from using knockpipe, and with it the host's knock. The
// call is how ssh calls it, err what is wrong with that, and file the config of -f.
func (c *checkup) inspect(call *options, err error, file string) {
	const write = "write: ProxyCommand knockpipe %h %p"
	command, via := c.ssh["proxycommand"], otherHost(c.ssh)
	fdpass := c.ssh["proxyusefdpass"] == "yes"
	pass := call != nil && call.pass || call == nil && passes(command)
	knock := c.plan != nil && len(c.plan.knocks) > 0 && !c.plan.typed
	switch {
	case c.ssh == nil:
	case via != "" && knock:
		c.report.Find(check.Warn, "if it is guarded, write above that: ProxyCommand ssh JUMPHOST knockpipe %h %p",
			"the knock for %s is not used: ssh reaches it through %s", c.typed, via)
	case via != "":
		c.report.Find(check.Warn, "the knock belongs to that host: check that one", "ssh reaches %s through %s", c.typed, via)
	case command == "" || command == "none":
		c.report.Find(check.Fail, write, "ssh has no ProxyCommand for %s", c.typed)
	case !strings.Contains(command, "knockpipe"):
		c.report.Find(check.Warn, "if it does not call knockpipe, "+write+"; ssh uses the first one that applies to the host",
			"the ProxyCommand for %s is not knockpipe", c.typed)
	case err != nil:
		c.report.Find(check.Fail, write, "the ProxyCommand for %s does not work: %v", c.typed, err)
	case call != nil && !strings.EqualFold(call.host, c.ssh["hostname"]) && !strings.EqualFold(call.host, c.typed):
		c.report.Find(check.Warn, "put that name in HostName, and "+write, "the ProxyCommand for %s names another host than ssh does", c.typed)
	case call != nil && strconv.Itoa(int(call.port)) != c.ssh["port"]:
		c.report.Find(check.Warn, write, "the ProxyCommand for %s names another port than ssh does", c.typed)
	case call != nil && call.config == "" && knock && c.unusual(file):
		c.report.Find(check.Warn, "if you run ssh -F "+file+", write: ProxyCommand knockpipe -f "+file+" %h %p",
			"the ProxyCommand for %s does not pass -f, so knockpipe reads only the usual files", c.typed)
	case fdpass && !pass:
		c.report.Find(check.Fail, "write: ProxyCommand knockpipe -F %h %p", "ProxyUseFdpass is set, but knockpipe is run without -F")
	case !fdpass && pass:
		c.report.Find(check.Fail, "write: ProxyUseFdpass yes", "knockpipe is run with -F, but ProxyUseFdpass is not set")
	case call == nil:
		c.report.Find(check.OK, "the command is more than a call of knockpipe, so its options are not checked", "ssh runs knockpipe for %s", c.typed)
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

// otherHost says through what ssh reaches the host, if it connects to another one.
func otherHost(c check.SSHConfig) string {
	command, jump := c["proxycommand"], c["proxyjump"]
	switch words := strings.Fields(command); {
	case (command == "" || command == "none") && jump != "" && jump != "none":
		return "ProxyJump " + jump
	case len(words) > 0 && program(words[0]) == "ssh" && !strings.Contains(command, "knockpipe"):
		return "another host" // as with -W
	}
	return ""
}

// passes reports whether a command that only a shell can read gives knockpipe the option
// -F. Before its name, -F is another program's.
func passes(command string) bool {
	_, after, _ := strings.Cut(command, "knockpipe")
	for _, word := range strings.Fields(after) {
		if word == "-F" || word == "--F" {
			return true
		}
		if word == "--" {
			return false
		}
	}
	return false
}
