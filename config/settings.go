package config

import (
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"knockpipe/internal/ip"
	"knockpipe/knock"
)

// A Query says which host is meant.
type Query struct {
	Name string // as the user typed it: ssh's %n
	User string // as the user typed it: ssh -l; empty if not given

	// NoKnock leaves the keyword Knock out, right or wrong, because the knock is
	// known already.
	NoKnock bool
}

// Sources says where settings are looked for.
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

// Settings is what the files say about a host. A field that no file sets is
// zero.
type Settings struct {
	HostName       string // with %h expanded
	User           string
	Port           uint16
	Family         ip.Family // of AddressFamily; zero for any
	BindAddress    string
	BindInterface  string
	ConnectTimeout time.Duration
	HashKnownHosts bool // names and addresses must not be readable in files

	Knock         knock.Sequence
	KnockClose    knock.Sequence // sent when the session ends
	KnockConnects int            // how many connects may overlap at the most
	KnockDelay    time.Duration  // least pause between two knocks
	KnockTimeout  time.Duration  // how long opening may take
	KnockTries    int            // how often the sequence is sent at the most
	KnockHost     string         // where to knock instead of the host itself
	NoKnockMemory bool           // what opened the door is not remembered

	Notes []Note

	entries []Entry
	origins [numKeywords]Origin
}

// An Entry is one setting and where it comes from.
type Entry struct {
	Keyword string // in lower case
	Value   string // as written
	Origin
}

// An Origin is a line of a file.
type Origin struct {
	File string
	Line int // from 1
}

// String returns file:line.
func (o Origin) String() string {
	if o.Line == 0 {
		return o.File
	}
	return o.File + ":" + strconv.Itoa(o.Line)
}

// A Note is something that the user should know. It never shows a sequence.
type Note struct {
	Text string
	Hint bool // it may be the reason why this host has no knock
	Origin
}

// Entries returns the settings in the order in which they are best read. It
// shows the sequence.
func (s *Settings) Entries() []Entry { return s.entries }

// Origin returns the line that set a keyword, which is given in upper or lower
// case, to whatever value: "none" is one, too. It is zero if no file did.
func (s *Settings) Origin(keyword string) Origin { return s.origins[findKeyword(keyword)] }

// Load reads what the files say about a host. A file that does not exist is
// passed over, unless it is s.File.
func (s Sources) Load(q Query) (*Settings, error) {
	r := newReader(s, q)
	if err := r.readAll(); err != nil {
		return nil, err
	}
	settings, err := r.settings()
	if err == nil && len(settings.Knock) == 0 && !q.NoKnock {
		r.adviseAlias(s, q)
		settings.Notes = r.notes
	}
	return settings, err
}
