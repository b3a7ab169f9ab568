package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// aboutSource are the documents for those who have the source, which no archive has.
var aboutSource = []string{"CONTRIBUTING.md"}

// TestLinks follows each link, and each name of a file, in the documents: it leads to
// what there is, in the archives too, and to a heading that there is.
func TestLinks(t *testing.T) {
	r := &release{root: "../.."}
	files, err := r.papers()
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string)
	for _, f := range files {
		texts[f.name] = string(f.data)
	}
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	named := regexp.MustCompile("(?:`|^\\.Pa |, Pa )((?:doc|examples|completions)/[\\w@./-]+)")
	for name, text := range texts {
		var links []string
		switch path.Ext(name) {
		case ".md":
			for _, m := range link.FindAllStringSubmatch(text, -1) {
				if !strings.Contains(m[1], "://") {
					links = append(links, m[1])
				}
			}
		case ".1", ".5", ".7":
		default:
			continue
		}
		for line := range strings.Lines(text) {
			for _, m := range named.FindAllStringSubmatch(line, -1) {
				if up := strings.Count(name, "/"); m[1] != "examples/" {
					links = append(links, strings.Repeat("../", up)+m[1])
				}
			}
		}
		for _, l := range links {
			file, heading, _ := strings.Cut(l, "#")
			to := path.Join(path.Dir(name), file)
			if file == "" {
				to = name
			}
			if _, err := os.Stat(filepath.Join(r.root, to)); err != nil {
				t.Errorf("%s: %s: %v", name, l, err)
				continue
			}
			if _, there := texts[to]; !there && !slices.Contains(aboutSource, name) && to != "examples" {
				t.Errorf("%s: %s is in no archive", name, l)
			}
			if heading != "" && !slices.Contains(anchors(texts[to]), heading) {
				t.Errorf("%s: %s: there is no such heading", name, l)
			}
		}
	}
}

// anchors are the headings of a document, as the pages of repositories name them.
func anchors(text string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\pL\d _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}
