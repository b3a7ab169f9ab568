package config_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"knockpipe/config"
)

// bareNumber is what an error must not show if it is in a Knock line. A number of
// the file's own name, of a line or of a limit is shorter.
var bareNumber = regexp.MustCompile(`[0-9]{6,}`)

// FuzzLoad reads any text as the user's file or as the side file. What is read
// must be the same each time, and a block that never applies must not change it.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"",
		"Host tango\n\tHostName tango.example.org\n\t# Knock: 12345 23456 34567 45678\n",
		"Host web\tdb \"a b\" w?b !*.lan\r\n  # Knock: 7000,8000:udp,9000 # three\r\n",
		"Match host web,!db user root exec \"true\"\n# Knock: 1\nMatch final all\nMatch !canonical\n",
		"HostName=%h.lan\nUser = 'a'\"b\"\\ c\nPort 0022\nCanonicalizeHostname yes\n",
		"IgnoreUnknown Knock*\nKnock \"1\nKnockDelay 20\nKnockTimeout 1m\nKnockTries 3\nKnockHost gate\nKnockClose none\n",
		"Include a d/* [!a] \"~/x\" missing\nInclude config\n",
		"# Knock 1 2\n## Knock: 3\n#Knock:\n# Knock: none\n\f# Knock: 4\n\x00# Knock: 5",
		"\"Host\"web\n\"\"Port 9\n=User x\nHost\n!\nMatch\nMatch all x\n",
		"ConnectTimeout 1h30m\nAddressFamily inet\nBindAddress ::1\nBindInterface lo\nKnok 123456\nKnock 1234567\n",
		"Host " + strings.Repeat("*a", 600) + "\n# Knock: 1\nMatch host " + strings.Repeat("*,", 1100) + "\n",
	} {
		f.Add(seed, "web", "", false)
		f.Add(seed, "WEB.lan", "root", true)
	}
	h := newHome(f, map[string]string{"a": "# KnockTries: 2\nHost web\n# Knock: 1\n", "d/b": "Match final host h\n# Knock: 2\n"})
	f.Fuzz(func(t *testing.T, text, name, user string, side bool) {
		if len(text) > 1<<16 || len(name) > 1<<10 {
			return // TestText has long ones
		}
		if strings.Contains(strings.ToLower(text), "include") { // nothing of this machine
			text = strings.NewReplacer("/", "_", "~", "_", "..", "_").Replace(text)
		}
		// The fuzzer runs several processes: each has files of its own.
		path := write(t, fmt.Sprintf("%s%d", h.path("config"), os.Getpid()), text)
		h := h
		if h.User = path; side {
			h.User, h.Side = "", path
		}
		q := query(name, user)
		first := summary(h, q)
		if again := summary(h, q); again != first {
			t.Fatalf("got %s\nand then %s", first, again)
		}
		if message, bad := strings.CutPrefix(first, "error: "); bad {
			for _, number := range bareNumber.FindAllString(message, -1) {
				if strings.Contains(text, number) && !strings.Contains(h.dir, number) {
					t.Errorf("the error %q shows %s", message, number)
				}
			}
		}
		write(t, path, text+"\nHost !*\n# Knock: 1 x\nHost zzz !zzz\nKnock \"1\nMatch !all\nKnock x\n")
		if after := summary(h, q); after != first {
			t.Errorf("blocks that never apply change\n%s\ninto\n%s", first, after)
		}
	})
}

// summary is all that Load says, as text. It also makes sure that each setting has
// a place.
func summary(h home, q config.Query) string {
	s, err := h.Load(q)
	if err != nil {
		return "error: " + err.Error()
	}
	for _, e := range s.Entries() {
		if e.Origin.Line < 1 || e.Origin.File == "" || e.Keyword == "" || strings.ContainsAny(e.Value, "\n\r\x1b") {
			panic(fmt.Sprintf("%+v", e))
		}
	}
	return fmt.Sprint(s.HostName, s.User, s.Port, s.Family, s.BindAddress, s.BindInterface, s.ConnectTimeout,
		s.Knock, s.KnockClose, s.KnockDelay, s.KnockTimeout, s.KnockTries, s.KnockHost, s.Notes, s.Entries())
}
