package config_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// A gen makes random configs that ssh accepts and that are as hard to read as
// ssh allows. A line that says Port says the same number in a Knock beside it.
type gen struct {
	*rand.Rand
	tree   *tree
	me     string // who runs ssh
	number int    // of the latest block, from 10000
	plain  bool   // Knock can stand as a keyword
	bare   bool   // no number at all
	side   bool   // for the side file: nothing that is ssh's alone
	budget int    // how many more files there can be
	done   []string
}

// hosts are typed as names, stand in patterns and are what HostName sets, so
// that they meet often. Upper case counts in them and '#' is data.
var hosts = []string{
	"web", "db", "web1", "WEB", "a.lan", "b.a.lan", "web.lan", "10.0.0.1", "fe80::1", "we#b", "mün",
}

var patterns = []string{
	"*", "w*", "w?b", "*b", "*.lan", "?.lan", "??", "*.*.lan", "10.0.0.?", "10.0.0.??", "fe80::*", "FE80:*", "we#*", "*,db", "web,db",
	"*e*b*", "W*", "m?n", "m??n", "web*1", "w e b", `w\eb`, "m\xc3*", "***e?", "[w]eb", "=web", "",
}

var logins = []string{"git", "alice", "Alice", "deploy"}

func pick[T any](g *gen, of ...T) T { return of[g.IntN(len(of))] }

// chance is true n times in 100.
func (g *gen) chance(n int) bool { return g.IntN(100) < n }

// line is a keyword and its value, with all the freedom that a line has.
func (g *gen) line(keyword, value string) string {
	if g.chance(20) {
		keyword = pick(g, strings.ToLower, strings.ToUpper)(keyword)
	}
	separator := pick(g, " ", " ", "\t", "  ", " \t ", "=", " = ", "= ", " =", "\t=")
	if g.chance(4) {
		keyword, separator = `"`+keyword+`"`, pick(g, " ", "\t", "")
	}
	return g.indent() + keyword + separator + value + g.tail()
}

func (g *gen) indent() string {
	if g.chance(2) {
		return pick(g, "=", " =", "\t= ", `""`) // an empty keyword is passed over
	}
	return g.blank()
}

func (g *gen) blank() string { return pick(g, "", "", "  ", "    ", "\t", " \t", "  \t") }

// tail is what can stand at the end of a line and means nothing.
func (g *gen) tail() string {
	if g.chance(70) {
		return ""
	}
	return pick(g, " ", "\t", "  \t", "\f", " \f", " # prose", "\t#", " #Knock: 9", " # Knock: 9", " \r", "\t# a \"b\"", "\x00 rest", " # "+strings.Repeat("x", 1100))
}

// quote is a word as ssh's splitter of words reads it. Quotes can begin inside a
// word, and both kinds are equal.
func (g *gen) quote(word string) string {
	i := 0
	if len(word) > 1 {
		i = 1 + g.IntN(len(word)-1)
	}
	switch n := g.IntN(16); {
	case n == 0, word == "", word[0] == '#', strings.ContainsAny(word, " ="):
		return `"` + word + `"`
	case n == 1:
		return `'` + word + `'`
	case n == 2:
		return word[:i] + `"` + word[i:] + `"`
	case n == 3:
		return `'` + word[:i] + `'` + word[i:]
	}
	return word
}

// pattern is a pattern, without '!'.
func (g *gen) pattern() string {
	if g.chance(55) {
		if g.chance(40) {
			return g.tree.query.Name
		}
		return pick(g, hosts...)
	}
	if p := pick(g, patterns...); p != "" {
		return p
	}
	// Pieces of a list are compared up to a length, words of a Host line wholly.
	return strings.Repeat("*", 1016+g.IntN(8)) + g.tree.query.Name
}

func (g *gen) host() string {
	var words []string
	for range 1 + g.IntN(3) {
		word := g.pattern()
		if g.chance(15) {
			word = "!" + word
		}
		if g.chance(3) {
			word += "#" // glued: data
		}
		words = append(words, g.quote(word))
	}
	if g.chance(2) {
		words = append(words, "!")
	}
	return g.line("Host", strings.Join(words, pick(g, " ", " ", "\t", "  ", " \t")))
}

// login sets or lists users.
func (g *gen) login() string {
	if g.chance(25) {
		return g.me
	}
	return pick(g, logins...)
}

// numbered is the Port of a block with the same number in a Knock beside it.
func (g *gen) numbered() []string {
	if g.bare {
		return nil
	}
	g.number++
	n := strconv.Itoa(g.number)
	port := g.line("Port", pick(g, n, n, n, `"`+n+`"`, "0"+n, `'`+n+`'`))
	switch {
	case g.side:
		return []string{port} // the tree makes the Knock of it
	case g.plain && g.chance(40):
		knock := g.line("Knock", pick(g, n, n, `"`+n+`"`, n+`/tcp`))
		return g.shuffled(port, knock)
	}
	mark := "#" + pick(g, "", " ", " ", " ", "  ", "\t", " \t ")
	knock := g.blank() + mark + pick(g, "Knock:", "Knock:", "knock:", "KNOCK:", "kNOCK:") +
		pick(g, " ", " ", "", "\t", "   ") + pick(g, n, n, n, `"`+n+`"`, n+":tcp") + g.tail()
	return g.shuffled(port, knock)
}

func (g *gen) shuffled(lines ...string) []string {
	g.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return lines
}

// noise is a line that decides nothing here.
func (g *gen) noise() string {
	n := g.IntN(12)
	if g.side {
		n %= 3
	}
	switch n {
	case 0, 1:
		return pick(g, "", "", " ", "\t", "\r", " \r")
	case 2:
		return g.blank() + pick(g, "# prose", "#", "##Knock: 9", "## Knock: 9", "# Knock 9", "# Knocking: 9", "# caf\xe9",
			"# Do: Knock: 9", "# knock at 9: then wait", "#Host *", "# Match all", ` ""Port 9`, ` ""Host *`)
	case 3:
		return g.line("ForwardAgent", pick(g, "yes", "no"))
	case 4:
		return g.line("IdentityFile", pick(g, `"~/a b"`, `~/id#1`, `'/x y'`, `/a\ b`))
	case 5:
		return g.indent() + pick(g, `ProxyCommand nc %h %p # x`, `proxycommand sh -c 'echo "#1"'`, `ProxyCommand "/a b" %h`)
	case 6: // inet would make ssh leave an IPv6 address as it is written
		return g.line("AddressFamily", pick(g, "inet6", "INET6", "any"))
	case 7:
		return g.line("BindAddress", g.quote(pick(g, "192.0.2.1", "::1", "127.0.0.1")))
	case 8:
		return g.line("BindInterface", pick(g, "lo", "eth0"))
	case 9:
		return g.line("ConnectTimeout", pick(g, "7", "1m", "1h30m", "2M5S", "none", `"9"`))
	case 10:
		return g.line("SetEnv", fmt.Sprintf(`A=%d "B=c d"`, g.IntN(9)))
	}
	return g.line("Compression", pick(g, "yes", "no"))
}
