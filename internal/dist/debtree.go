package main

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
)

// places says where the files of an archive are on a Debian system. The rest goes
// to the package's folder of documentation.
var places = map[string]string{
	"knockpipe":                  "usr/bin/knockpipe",
	"doc/knockpipe.1":            "usr/share/man/man1/knockpipe.1.gz",
	"completions/knockpipe.bash": "usr/share/bash-completion/completions/knockpipe",
	"completions/_knockpipe":     "usr/share/zsh/vendor-completions/_knockpipe",
	"completions/knockpipe.fish": "usr/share/fish/vendor_completions.d/knockpipe.fish",
	"CHANGELOG.md":               docFolder + "changelog.gz",
}

const docFolder = "usr/share/doc/knockpipe/"

// debianTree is what the package installs.
func (r *release) debianTree(version string, files []file) ([]file, error) {
	var tree, licences []file
	for _, f := range files {
		switch {
		case strings.HasPrefix(f.name, "LICENSE"):
			licences = append(licences, f)
			continue
		case places[f.name] == "":
			f.name = docFolder + f.name
		default:
			f.name = places[f.name]
		}
		tree = append(tree, f)
	}
	change := fmt.Appendf(nil, "knockpipe (%s) unstable; urgency=medium\n\n  * Version %s: see changelog.gz.\n\n -- %s  %s\n",
		version, r.version, maintainer, r.time.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	tree = append(tree,
		file{docFolder + "changelog.Debian.gz", 0o644, change},
		file{docFolder + "copyright", 0o644, copyright(licences)},
		file{"usr/share/lintian/overrides/knockpipe", 0o644, []byte(overrides)})
	for i, f := range tree {
		if path.Ext(f.name) == ".gz" {
			data, err := gzipped(f.data)
			if err != nil {
				return nil, err
			}
			tree[i].data = data
		}
		tree[i].name = "./" + f.name
	}
	return tree, nil
}

// overrides is what Debian's checker is told.
const overrides = `# It runs on any Linux and starts faster, and this is no upload to Debian.
knockpipe: statically-linked-binary
knockpipe: initial-upload-closes-no-bugs
`

// copyright is the licences in one file.
func copyright(licences []file) []byte {
	slices.SortFunc(licences, func(a, b file) int { return strings.Compare(a.name, b.name) })
	var b bytes.Buffer
	for i, f := range licences {
		if i > 0 {
			b.WriteString("\n")
		}
		b.Write(f.data)
	}
	return b.Bytes()
}
