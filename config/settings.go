package config

import (
	"strconv"
	"time"

	"knockpipe/internal/ip"
	"knockpipe/knock"
)

// Settings is what the files say about a host. A field that no file sets is
// zero.
type Settings struct {
	Alias string // the name under which they were found

	HostName       string // with %h expanded
	User           string
	Port           uint16
	Family         ip.Family // of AddressFamily; zero for any
	BindAddress    string
	BindInterface  string
	ConnectTimeout time.Duration

	Knock         knock.Sequence
	KnockClose    knock.Sequence // sent when the session ends
	KnockConnects int            // how many connects may overlap at most
	KnockDelay    time.Duration  // least pause between two knocks
	KnockTimeout  time.Duration  // how long opening may take
	KnockTries    int            // how often the sequence is sent at most
	KnockHost     string         // where to knock instead of the host itself
	NoKnockMemory bool           // what opened the door is not remembered

	Notes []Note

	entries []Entry
	origins [numKeywords]Origin
}

// An Entry is one setting and its origin.
type Entry struct {
	Keyword string // in lower case
	Value   string // as written
	Origin  Origin
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

// A Note tells the user something. It never shows a sequence.
type Note struct {
	Text   string
	Hint   bool // it may be the reason why this host has no knock
	Origin Origin
}

// Entries returns the settings in the order in which -G prints them. They show the
// sequence.
func (s *Settings) Entries() []Entry { return s.entries }

// Origin returns the line that set a keyword, or the zero Origin if no file did. The
// name may be in upper or lower case. A line that sets the keyword to none counts.
func (s *Settings) Origin(keyword string) Origin { return s.origins[findKeyword(keyword)] }

// set reads the words of one keyword.
func (s *Settings) set(kw keyword, words []word, typed string) (err error) {
	text := words[0].text
	none := kw.isKnock() && len(words) == 1 && equalFold(text, "none")
	if none {
		return nil
	}
	switch kw {
	case kwHostName:
		s.HostName, err = parseHost(expandHost(text, typed))
	case kwUser:
		s.User = text
	case kwPort:
		s.Port, err = parsePort(text)
	case kwAddressFamily:
		s.Family, err = parseFamily(text)
	case kwBindAddress:
		s.BindAddress, err = parseHost(text)
	case kwBindInterface:
		s.BindInterface = text
	case kwConnectTimeout:
		s.ConnectTimeout, err = parseSSHTime(text)
	case kwKnock:
		s.Knock, err = parseSequence(words)
	case kwKnockClose:
		s.KnockClose, err = parseSequence(words)
	case kwKnockConnects:
		s.KnockConnects, err = parseCount(text, maxConnects)
	case kwKnockDelay:
		s.KnockDelay, err = parseDuration(text, time.Millisecond, 0, maxDelay)
	case kwKnockTimeout:
		s.KnockTimeout, err = parseDuration(text, time.Second, time.Millisecond, maxTimeout)
	case kwKnockTries:
		s.KnockTries, err = parseCount(text, maxTries)
	case kwKnockHost:
		s.KnockHost, err = parseHost(text)
	case kwKnockMemory:
		var remember bool
		remember, err = parseYesNo(text)
		s.NoKnockMemory = err == nil && !remember
	}
	return err
}

// show returns a value as -G prints it.
func (s *Settings) show(kw keyword, words []word) string {
	if kw == kwHostName {
		return joinWords([]string{s.HostName})
	}
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	if kw.isKnock() && len(texts) == 1 && equalFold(texts[0], "none") {
		return "none"
	}
	return joinWords(texts)
}
