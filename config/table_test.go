package config_test

import (
	"cmp"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"knockpipe/config"
)

// A row is a config and what ssh -G of 9.2 and 10.5 makes of it. Most are lines
// at which other readers of ssh_config go wrong.
type row struct {
	name, config, query string
	want                string // "user hit": a keyword and its value; "" if ssh refuses the config
}

// miss is what most configs end with, for the host that does not match before.
const miss = "Host *\n User miss\n"

// check loads the config of a row and compares, with the real ssh too where there
// is one.
func (tt row) check(t *testing.T, ssh bool) {
	t.Helper()
	path := write(t, t.TempDir()+"/config", tt.config)
	q := query(tt.query, "")
	s, err := config.Sources{File: path, LocalUser: "root"}.Load(q)
	if err != nil {
		t.Errorf("%s: got error %v, want %q", tt.name, err, tt.want)
		return
	}
	keyword, want, _ := strings.Cut(tt.want, " ")
	got := map[string]string{
		"user":     s.User,
		"hostname": s.HostName,
		"port":     strconv.Itoa(int(cmp.Or(s.Port, 22))),
	}[keyword]
	if got != want {
		t.Errorf("%s: got %s %.80q, want %.80q", tt.name, keyword, got, want)
	}
	if !ssh {
		return
	}
	said, ok := askSSH(t, path, q)
	if ok != (tt.want != "") || ok && said[keyword] != want && want != "" {
		t.Errorf("%s: the table says %.80q, but ssh %s %.80q", tt.name, tt.want, keyword, said[keyword]+said["error"])
	}
}

func checkRows(t *testing.T, rows []row) {
	_, err := exec.LookPath("ssh")
	if err != nil {
		t.Logf("the table is not compared with ssh: %v", err)
	}
	for _, tt := range rows {
		tt.check(t, err == nil)
	}
}

// TestRefused has lines that ssh refuses. knockpipe ignores them, so that ssh reports
// them.
func TestRefused(t *testing.T) {
	checkRows(t, []row{
		{"metacharacter in the name", "Host a+(b\n User hit\n", "a+(b", ""},
		{"two '='", "User = = hit\n", "web", ""},
		{"glued '#' in a number", "Port 22#x\n", "web", ""},
		{"unbalanced quote", "User \"abc\n", "web", ""},
		{"unbalanced quote elsewhere", "Host db\n User \"abc\n", "web", ""},
		{"two values", "User a b\n", "web", ""},
		{"no value", "User\n", "web", ""},
		{"blanks for a value", "User   \n", "web", ""},
		{"empty value", "User \"\"\n", "web", ""},
		{"Host of nothing", "Host\n Port 9\n", "web", ""},
		{"empty pattern", "Host \"\"\n Port 9\n", "web", ""},
		{"BOM before Host", "\ufeffHost web\n User hit\n", "web", ""},
		{"BOM before a comment", "\ufeff# hi\nHost web\n User hit\n", "web", ""},
		{"leading form feed", "\fUser hit\n", "web", ""},
		{"line of a form feed", "\f\n", "web", ""},
		{"leading vertical tab", "\vUser hit\n", "web", ""},
		{"no-break space", "User\u00a0hit\n", "web", ""},
		{"continued line", "Host web \\\n  db\n  User hit\n", "db", ""},
		{"unknown keyword", "Host web\n Knock 1 2\n", "db", ""},
		{"unknown keyword elsewhere", "Host db\n Knock 1 2\n", "web", ""},
		{"IgnoreUnknown after", "Host web\n Knock 1 2\nHost *\n IgnoreUnknown Knock\n", "web", ""},
		{"IgnoreUnknown elsewhere", "Host db\n IgnoreUnknown Knock\n Knock 1 2\n", "web", ""},
		{"IgnoreUnknown twice", "IgnoreUnknown UseKeychain\nIgnoreUnknown Knock\nHost web\n Knock 1 2\n", "web", ""},
		{"port 0", "Port 0\n", "web", ""},
		{"port 70000", "Port 70000\n", "web", ""},
		{"colon", "Port: 22\n", "web", ""},
		{"glued '#' in a keyword", "User#x hit\n", "web", ""},
		{"Match of nothing", "Match\n Port 9\n", "web", ""},
		{"Match host of nothing", "Match host\n Port 9\n", "web", ""},
		{"unknown criterion", "Match bogus x\n Port 9\n", "web", ""},
		{"all beside another", "Match all host web\n Port 9\n", "web", ""},
		{"all after two", "Match host web user root all\n Port 9\n", "web", ""},
	})
}

// TestLines checks the syntax of lines, words and patterns.
func TestLines(t *testing.T) {
	checkRows(t, []row{
		// no match, or no value
		{"comma in Host", "Host web,db\n User hit\n" + miss, "web", "user miss"},
		{"negation first", "Host !web *\n User hit\n" + miss, "web", "user miss"},
		{"negation last", "Host * !web\n User hit\n" + miss, "web", "user miss"},
		{"negation only", "Host !web\n User hit\n" + miss, "db", "user miss"},
		{"negated wildcard", "Host *.lan !*.dmz.lan\n User hit\n" + miss, "a.dmz.lan", "user miss"},
		{"'?' for nothing", "Host w?b\n User hit\n" + miss, "wb", "user miss"},
		{"'??' for one", "Host 10.0.0.??\n User hit\n" + miss, "10.0.0.1", "user miss"},
		{"'?' for one of two bytes", "Host m?n\n User hit\n" + miss, "mün", "user miss"},
		{"'.' is no wildcard", "Host a.b\n User hit\n" + miss, "axb", "user miss"},
		{"case of a pattern", "Host WEB\n User hit\n" + miss, "web", "user miss"},
		{"case of a name", "Host web\n User hit\n" + miss, "WEB", "user miss"},
		{"glued '#'", "Host web#c\n User hit\n" + miss, "web", "user miss"},
		{"name in a comment", "Host web #db\n User hit\n" + miss, "db", "user miss"},
		{"pattern in a comment", "Host web # db *\n User hit\n" + miss, "zzz", "user miss"},
		{"CR alone", "Host web\r  User hit\r", "web", "user "},

		{"two patterns", "Host web db\n User hit\n" + miss, "db", "user hit"},
		{"tab between patterns", "Host web\tdb\n User hit\n" + miss, "db", "user hit"},
		{"tab after keyword", "Host\tweb\n\tUser\thit\n" + miss, "web", "user hit"},
		{"quoted pattern", "Host \"web\"\n User hit\n" + miss, "web", "user hit"},
		{"two quoted patterns", "Host \"web\" \"db\"\n User hit\n" + miss, "db", "user hit"},
		{"'?' for one", "Host w?b\n User hit\n" + miss, "web", "user hit"},
		{"IPv6", "Host ::1 fe80::*\n User hit\n" + miss, "fe80::1", "user hit"},
		{"case of keywords", "hOsT web\n uSEr hit\n" + miss, "web", "user hit"},
		{"Host=web", "Host=web\n User=hit\n" + miss, "web", "user hit"},
		{"Host = web", "Host = web\n User = hit\n" + miss, "web", "user hit"},
		{"Host =web", "Host =web\n User =hit\n" + miss, "web", "user hit"},
		{"Host= web", "Host= web\n User= hit\n" + miss, "web", "user hit"},
		{"User==hit", "User==hit\n", "web", "user =hit"},
		{"comment after Host", "Host web # c\n User hit\n" + miss, "web", "user hit"},
		{"quoted '#'", "Host \"we#b\"\n User hit\n" + miss, "we#b", "user hit"},
		{"glued '#' in a value", "User a#b\n", "web", "user a#b"},
		{"comment after a value", "User a #b\n", "web", "user a"},
		{"quoted '#' in a value", "User \"a #b\"\n", "web", "user a #b"},
		{"double quotes", "User \"/a b/id\"\n", "web", "user /a b/id"},
		{"single quotes", "User '/a b/id'\n", "web", "user /a b/id"},
		{"backslash blank", "User /a\\ b/id\n", "web", "user /a b/id"},
		{"escaped quote", "User \"a\\\"b\"\n", "web", "user a\"b"},
		{"half quoted", "User \"/a b\"/id\n", "web", "user /a b/id"},
		{"quoted keyword", "\"User\" hit\n", "web", "user hit"},
		{"lone '!'", "Host ! web\n User hit\n" + miss, "web", "user hit"},
		{"CRLF", "Host web\r\n  User hit\r\nHost *\r\n User miss\r\n", "web", "user hit"},
		{"CRLF and comments", "# c\r\nHost web # d\r\n  # e\r\n  User hit # f\r\n", "web", "user hit"},
		{"CR at the end", "Host web\r\n  User hit\r", "web", "user hit"},
		{"no line end", "Host web\n  User hit", "web", "user hit"},
		{"70 kB of comment", "# " + strings.Repeat("x", 70000) + "\nUser ok\n", "web", "user ok"},
		{"70 kB of value", "User " + strings.Repeat("x", 70000) + "\n", "web", "user " + strings.Repeat("x", 70000)},
		{"blanks at the end", "Host web   \n  User hit \t \n" + miss, "web", "user hit"},
		{"form feed at the end", "User hit\f\n", "web", "user hit"},
		{"no-break space at the end", "User hit\u00a0\n", "web", "user hit\u00a0"},
		{"bytes that are not UTF-8", "Host w\xff\n User hit\n" + miss, "w\xff", "user hit"},
		{"Latin-1 comment", "# caf\xe9\nUser ok\n", "web", "user ok"},
		{"NUL in a line", "User a\x00b\n", "web", "user a"},
	})
}
