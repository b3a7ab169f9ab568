package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A file is a file of an archive or a package.
type file struct {
	name string // with slashes
	mode fs.FileMode
	data []byte
}

// papers reads what goes with the program. What is missing is an error.
func (r *release) papers() ([]file, error) {
	names := []string{
		"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md",
		"completions/_knockpipe", "completions/knockpipe.bash", "completions/knockpipe.fish",
		"doc/bench.svg", "doc/clients.md", "doc/connection.svg", "doc/knock_config.5", "doc/knockpipe-server.7", "doc/knockpipe.1", "doc/token.md",
		"doc/walks.md",
	}
	if err := fs.WalkDir(os.DirFS(r.root), "examples", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == "examples/demo": // a program
			return fs.SkipDir
		case e.Type().IsRegular():
			names = append(names, name)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	var files []file
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(r.root, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		if len(data) == 0 {
			return nil, fmt.Errorf("%s is empty", name)
		}
		files = append(files, file{name, 0o644, data})
	}
	return files, nil
}
