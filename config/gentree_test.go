package config_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"

	"knockpipe/config"
)

// A tree is a random config: files by path, and what is asked of them.
type tree struct {
	query config.Query
	dir   string
	files map[string][]string // lines, each with its line end
	order []string            // the paths, for a stable print
	two   bool                // main is the user's file and other the system's
	side  bool                // main is the user's file and other the side file
}

func (t *tree) main() string  { return filepath.Join(t.dir, "main") }
func (t *tree) other() string { return filepath.Join(t.dir, "other") }

// newTree makes the random config that belongs to a seed.
func newTree(seed, n uint64, dir, me string, paths pathForms) *tree {
	t := &tree{dir: dir, files: map[string][]string{}}
	g := &gen{Rand: rand.New(rand.NewPCG(seed, n)), tree: t, me: me, number: 10000, budget: 10}
	t.query.Name, t.query.Exact = pick(g, hosts...), true
	if g.chance(20) {
		t.query.User = pick(g, logins...)
	}
	t.two = g.chance(12)
	t.side = !t.two && g.chance(12)
	g.plain = !t.side && g.chance(40)
	g.bare = t.side
	var head []string
	if g.plain {
		head = append(head, pick(g, "IgnoreUnknown Knock*", "ignoreunknown UseKeychain,knock", "IgnoreUnknown=\"KNOCK*\"", "Host *\n  IgnoreUnknown Knock"))
	}
	if g.chance(3) && !t.side { // a ProxyCommand keeps ssh from asking the DNS
		head = append(head, "ProxyCommand nc %h %p", "CanonicalizeHostname yes", "CanonicalDomains lan example.org")
	}
	if g.chance(4) && !t.two && !t.side {
		depth := pick(g, 2, 14, 15, 16, 16, 17) // ssh goes 16 deep and refuses 17
		g.chain(t.main(), head, depth, paths)
		return t
	}
	g.file(t.main(), head, 0, paths)
	g.done = nil // these files may use what the system's cannot: a relative path
	switch {
	case t.two:
		g.file(t.other(), nil, 0, pathForms{dir: dir})
	case t.side:
		g.bare, g.side = false, true
		g.file(t.other(), nil, 0, pathForms{})
	}
	return t
}

// chain is a file that includes another one, and so on.
func (g *gen) chain(path string, head []string, depth int, paths pathForms) {
	lines := append(head, g.body(99, paths)...)
	if depth > 0 {
		next := filepath.Join(g.tree.dir, fmt.Sprintf("deep%d", depth))
		if g.chance(40) {
			lines = append(lines, g.start())
		}
		lines = append(lines, g.line("Include", next))
		g.chain(next, nil, depth-1, paths)
	}
	g.add(path, append(lines, g.block(99, paths)...))
}

// file is a file of some blocks.
func (g *gen) file(path string, head []string, depth int, paths pathForms) {
	lines := head
	if g.chance(30) { // what stands before the first block counts for all
		lines = append(lines, g.body(depth, paths)...)
	}
	for range 1 + g.IntN(5-min(depth, 3)) {
		lines = append(lines, g.block(depth, paths)...)
	}
	g.add(path, lines)
}

// add gives the lines of a file their ends.
func (g *gen) add(path string, lines []string) {
	end := pick(g, "\n", "\n", "\n", "\r\n")
	var ended []string
	for i, line := range lines {
		if i == len(lines)-1 && g.chance(20) {
			end = ""
		}
		ended = append(ended, strings.ReplaceAll(line, "\n", end)+end)
	}
	g.tree.files[path] = ended
	g.tree.order = append(g.tree.order, path)
	g.done = append(g.done, path)
}

// start is the first line of a block.
func (g *gen) start() string {
	if g.chance(45) {
		return g.match()
	}
	return g.host()
}

func (g *gen) block(depth int, paths pathForms) []string {
	return append([]string{g.start()}, g.body(depth, paths)...)
}

// body is what stands in a block.
func (g *gen) body(depth int, paths pathForms) []string {
	var lines []string
	for range g.IntN(3) {
		lines = append(lines, g.noise())
	}
	if g.chance(70) {
		lines = append(lines, g.numbered()...)
	}
	if g.chance(30) && !g.side {
		name := pick(g, "%h.lan", "%h.lan", "%h", "web", "db.lan", "10.0.0.7", "WEB", "a.lan", "web,db", "x.%h", "%%h.%h", "FE80::0:1")
		lines = append(lines, g.line("HostName", g.quote(name)))
	}
	if g.chance(25) && !g.side {
		lines = append(lines, g.line("User", g.quote(g.login())))
	}
	if g.chance(4) && !g.side && !g.tree.side {
		lines = append(lines, g.line("CanonicalizeHostname", pick(g, "yes", "no", "always", "true", "false")))
	}
	if depth < 4 && paths.dir != "" && g.chance(20) {
		lines = append(lines, g.include(depth, paths))
	}
	if g.chance(15) {
		lines = append(lines, g.numbered()...)
	}
	return lines
}
