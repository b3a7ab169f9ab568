package config

import (
	"os/user"
	"path/filepath"
)

// A Query says which host is meant.
type Query struct {
	Name string // what ssh passes as %h: the HostName
	User string // as the user typed it: ssh -l; empty if not given

	// Port, where it is not zero, decides between the aliases of one HostName.
	Port uint16

	// Exact says that Name is what the user typed, ssh's %n: no alias is looked for.
	Exact bool

	// NoKnock leaves the keyword Knock out, right or wrong, because the knock is
	// known already.
	NoKnock bool
}

// Sources are the files in which settings are looked for.
type Sources struct {
	File string // the only file to read, if not empty

	Side   string // ~/.ssh/knock_config
	User   string // ~/.ssh/config
	System string // /etc/ssh/ssh_config

	Home      string              // what ~ stands for
	LocalUser string              // who runs ssh
	Env       func(string) string // the environment, for ${NAME} in an Include
}

// DefaultSources returns the places where ssh looks, and the side file, for a
// user. The home folder is that of the user database, as ssh has it.
func DefaultSources(u *user.User, env func(string) string) Sources {
	s := Sources{Home: u.HomeDir, LocalUser: u.Username, Env: env}
	if s.Home != "" {
		s.Side = filepath.Join(s.Home, ".ssh", "knock_config")
		s.User = filepath.Join(s.Home, ".ssh", "config")
	}
	s.System = "/etc/ssh/ssh_config"
	if onWindows {
		s.System = filepath.Join(env("ProgramData"), "ssh", "ssh_config")
	}
	return s
}

// Load reads what the files say about a host. A file that does not exist is
// passed over, unless it is s.File.
func (s Sources) Load(q Query) (*Settings, error) {
	r := newReader(s, q)
	if !q.Exact && !q.NoKnock {
		r.watch, r.anyUser = newWatch(q.Name), q.User == ""
	}
	if err := r.readAll(); err != nil {
		return nil, err
	}
	if r.watch == nil || !r.watch.knock {
		return r.settings()
	}
	return r.meant(q.Port)
}

// A source is a file that is read without being included, and what it includes.
type source struct {
	path string
	kind kind

	folder string // where a relative Include starts
	system bool   // the system's, where no path may begin with '~'
}

// A kind of file decides who complains of what is wrong with it.
type kind uint8

const (
	sshFile   kind = iota // ssh's own: ssh complains
	sideFile              // knockpipe's own
	givenFile             // named on the command line: it may be either
)

// userFolder is where a relative Include of a user's file starts.
func userFolder(home string) string {
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".ssh")
}

// systemFolder is where one of the system's file starts.
func systemFolder(path string) string {
	if path == "" {
		return ""
	}
	return filepath.Dir(path)
}
