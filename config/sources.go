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

	// NoKnock ignores the keyword Knock, valid or not, because the knock is already
	// known.
	NoKnock bool
}

// Sources are the files to read settings from.
type Sources struct {
	File string // the only file to read, if not empty

	Side   string // ~/.ssh/knock_config
	User   string // ~/.ssh/config
	System string // /etc/ssh/ssh_config

	Home      string              // what ~ stands for
	LocalUser string              // who runs ssh
	Env       func(string) string // the environment, for ${NAME} in an Include
}

// DefaultSources returns the places where ssh looks, and the side file, for a user. The
// home directory is that of the user database, as for ssh.
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

// Load reads the settings of a host. It ignores a file that does not exist, unless it is
// s.File.
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

// A kind of file decides who reports errors in it.
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
