package config_test

import (
	"path/filepath"
	"strconv"
	"strings"
)

// match is a Match line. Its words are not split as those of other lines are:
// '=' is a blank too, and only '"' quotes.
func (g *gen) match() string {
	if g.chance(12) {
		return g.line("Match", pick(g, "all", "ALL", "!all", `"all"`))
	}
	var words []string
	if !g.tree.side && g.chance(15) {
		words = append(words, pick(g, "", "", "!")+pick(g, "final", "canonical", "Final"))
		if g.chance(40) {
			words = append(words, "all")
			return g.line("Match", strings.Join(words, " "))
		}
	}
	for n := g.IntN(3); n >= 0 || len(words) == 0; n-- {
		name, list := g.criterion()
		if g.chance(20) && name != "exec" {
			name = "!" + name
		}
		if g.chance(10) {
			name = strings.ToUpper(name)
		}
		separator := pick(g, " ", " ", "\t", "=", " = ", "  ")
		switch n := g.IntN(10); {
		case n == 0, strings.ContainsAny(list, " ="):
			list = `"` + list + `"`
		case n == 1:
			list = list[:1] + `"` + list[1:] + `"`
		case n == 2:
			name, separator = `"`+name+`"`, " "
		case n == 3 && name != "exec":
			list += "#"
		}
		words = append(words, name+separator+list)
	}
	return g.line("Match", strings.Join(words, pick(g, " ", "\t", "  ")))
}

// criterion is one with a list. What is executed says no, because only that is
// what knockpipe says, too.
func (g *gen) criterion() (name, list string) {
	one := g.pattern
	switch g.IntN(12) {
	case 0, 1, 2, 3, 4:
		name = "host"
	case 5, 6:
		name = "originalhost"
	case 7, 8, 9:
		name, one = "user", g.login
	case 10:
		name, one = "localuser", g.login
	default:
		return "exec", "false"
	}
	var items []string
	for range 1 + g.IntN(3) {
		item := one()
		if g.chance(15) {
			item = "!" + item
		}
		if g.chance(10) {
			item = pick(g, "*", "!zzz", item+"*", "?"+item)
		}
		items = append(items, item)
	}
	return name, strings.Join(items, ",")
}

// pathForms is how a file in dir can be named in an Include.
type pathForms struct {
	dir  string
	me   string // whose home folder it is
	home string // dir relative to the home folder, or "" if that does not work
	ssh  string // dir relative to ~/.ssh
}

func (p pathForms) of(g *gen, name string) string {
	switch n := g.IntN(4); {
	case n == 0 && p.home != "":
		return "~" + pick(g, "", "", p.me) + "/" + p.home + "/" + name
	case n == 1 && p.ssh != "":
		return p.ssh + "/" + name
	}
	return p.dir + "/" + name
}

// include is an Include of one file or more, which are made with it.
func (g *gen) include(depth int, paths pathForms) string {
	var words []string
	for range 1 + g.IntN(2) {
		words = append(words, g.quote(g.included(depth, paths)))
	}
	if g.chance(10) {
		words = append(words, `\missing\ file`)
	}
	return g.line("Include", strings.Join(words, pick(g, " ", "\t", "  ")))
}

// included names what is included.
func (g *gen) included(depth int, paths pathForms) string {
	g.budget--
	name := "inc" + strconv.Itoa(g.budget)
	switch n := g.IntN(10); {
	case g.budget < 0, n == 0:
		return paths.of(g, pick(g, "missing", "missing*", "missing/x", ".", "[", "miss[ing"))
	case n == 1 && len(g.done) > 0: // once more
		return paths.of(g, filepath.Base(pick(g, g.done...)))
	case n == 2:
		g.file(filepath.Join(g.tree.dir, name), nil, depth+1, paths)
		return paths.of(g, pick(g, "?"+name[1:], name[:2]+"[a-z]"+name[3:], "main/../"+name, "*c"+name[3:], "//"+name, "./"+name))
	case n == 3:
		name += pick(g, " b", "#b", "é", "=b", "!")
	case n < 7: // some of these files, in the order of their names
		pattern := pick(g, "*.conf", "*.conf", "../"+name+"*/*.conf", "/b.conf", "?.conf", "[ab].conf", "[!a].conf", "[^b].conf", "*", "[a-b]*", "*/", "{a,b}.conf", `\a.conf`, "?*.c*f")
		for range 1 + g.IntN(3) {
			path := filepath.Join(g.tree.dir, name, pick(g, "a.conf", "b.conf", "ab.conf", ".a.conf", "B.conf", "{a,b}.conf"))
			if g.tree.files[path] == nil {
				g.file(path, nil, depth+1, paths)
				g.done = g.done[:len(g.done)-1] // it is not in dir itself
			}
		}
		return paths.of(g, name+"/"+pattern)
	}
	g.file(filepath.Join(g.tree.dir, name), nil, depth+1, paths)
	return paths.of(g, name)
}
