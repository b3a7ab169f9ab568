package config_test

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"knockpipe/config"
	"knockpipe/internal/ip"
	"knockpipe/knock"
)

// errRefused is what compare returns where ssh refuses the config.
const errRefused = "refused"

var (
	portKeyword = regexp.MustCompile(`(?i)\bport\b`)
	blockNumber = regexp.MustCompile(`\b0?1[0-9]{4}\b`)
)

// familyNames are the values of AddressFamily as ssh -G prints them.
var familyNames = [...]string{ip.Any: "any", ip.V4: "inet", ip.V6: "inet6"}

// write writes the files and returns the one to give to ssh. It includes the
// others where ssh would read several.
func (t *tree) write(tb testing.TB) string {
	for path, lines := range t.files {
		text := strings.Join(lines, "")
		if t.side && path == t.other() {
			write(tb, path+".ssh", text)
			text = portKeyword.ReplaceAllString(text, "Knock")
		}
		write(tb, path, text)
	}
	switch {
	case t.two:
		return write(tb, t.dir+"/both", "Include "+t.main()+"\nInclude "+t.other()+"\n")
	case t.side:
		return write(tb, t.dir+"/both", "Include "+t.main()+"\nInclude "+t.other()+".ssh\n")
	}
	return t.main()
}

func (t *tree) sources(me *user.User) config.Sources {
	s := config.Sources{Home: me.HomeDir, LocalUser: me.Username, Env: os.Getenv}
	switch {
	case t.two:
		s.User, s.System = t.main(), t.other()
	case t.side:
		s.User, s.Side = t.main(), t.other()
	default:
		s.File = t.main()
	}
	return s
}

// compare says how ssh and knockpipe disagree, or nothing.
func (t *tree) compare(tb testing.TB, me *user.User) string {
	file := t.write(tb)
	said, ok := askSSH(tb, file, t.query)
	s, err := t.sources(me).Load(t.query)
	switch {
	case !ok:
		return errRefused // that Load returns is all that counts
	case err != nil:
		return "error: " + err.Error()
	}
	sequence := "22"
	if len(s.Knock) > 0 {
		sequence = s.Knock.String()
	}
	port := cmp.Or(s.Port, 22)
	if t.side {
		port = 22
		if len(s.Knock) > 0 {
			port = s.Knock[0].(knock.TCP).Port
		}
	}
	timeout := "none"
	if s.ConnectTimeout != 0 {
		timeout = fmt.Sprint(int(s.ConnectTimeout / time.Second))
	}
	var wrong []string
	for _, c := range []struct{ what, keyword, got string }{
		{"knock", "port", sequence},
		{"port", "port", fmt.Sprint(port)},
		{"user", "user", cmp.Or(t.query.User, s.User, me.Username)},
		{"hostname", "hostname", cmp.Or(s.HostName, t.query.Name)},
		{"family", "addressfamily", familyNames[s.Family]},
		{"source", "bindaddress", s.BindAddress},
		{"interface", "bindinterface", s.BindInterface},
		{"timeout", "connecttimeout", timeout},
	} {
		want := said[c.keyword]
		if c.got != want && !(c.keyword == "hostname" && sameHost(c.got, want)) {
			wrong = append(wrong, fmt.Sprintf("%s: got %q, ssh %q", c.what, c.got, want))
		}
	}
	return strings.Join(append(wrong, t.misplaced(s)...), "; ")
}

// sameHost compares host names. ssh prints a name in lower case and an address in
// its shortest form.
func sameHost(a, b string) bool {
	if addr, err := netip.ParseAddr(a); err == nil {
		a = addr.String()
	}
	return strings.EqualFold(a, b)
}

// misplaced finds a knock that is not in the line from which it is said to come.
func (t *tree) misplaced(s *config.Settings) []string {
	if len(s.Knock) == 0 {
		return nil
	}
	from := s.Origin("Knock")
	text, err := os.ReadFile(from.File)
	lines := strings.Split(string(text), "\n")
	if err != nil || from.Line < 1 || from.Line > len(lines) || !strings.Contains(lines[from.Line-1], s.Knock[0].String()) {
		return []string{fmt.Sprintf("knock %v is said to stand in %v", s.Knock, from)}
	}
	return nil
}

// shrink drops lines for as long as ssh and knockpipe disagree. A number goes with
// its Port and its Knock.
func (t *tree) shrink(tb testing.TB, me *user.User) {
	for again := true; again; {
		again = false
		for path := range t.files {
			for i := len(t.files[path]) - 1; i >= 0; i-- {
				before := t.files[path]
				number := strings.TrimPrefix(blockNumber.FindString(before[i]), "0")
				left := slices.Delete(slices.Clone(before), i, i+1)
				if number != "" {
					left = slices.DeleteFunc(left, func(line string) bool { return strings.Contains(line, number) })
				}
				t.files[path] = left
				if diff := t.compare(tb, me); diff == "" || diff == errRefused {
					t.files[path] = before
					continue
				}
				again = true
				i = min(i, len(left))
			}
		}
	}
}

// String shows what is left of the files.
func (t *tree) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "name %q, user %q", t.query.Name, t.query.User)
	for _, path := range slices.Sorted(slices.Values(t.order)) {
		if len(t.files[path]) == 0 {
			continue
		}
		name, _ := filepath.Rel(t.dir, path)
		fmt.Fprintf(&b, "\n%s:", name)
		for _, line := range t.files[path] {
			fmt.Fprintf(&b, "\n    %q", line)
		}
	}
	return b.String()
}
