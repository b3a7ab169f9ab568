package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// build makes the program for a target.
func (r *release) build(t target) (file, error) {
	dir, err := os.MkdirTemp("", "knockpipe-dist")
	if err != nil {
		return file{}, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "knockpipe")
	if _, err := r.goTool(t, "build", "-trimpath", "-buildvcs=false",
		"-ldflags=-s -w -X main.version="+r.version, "-o", path, "."); err != nil {
		return file{}, err
	}
	name := "knockpipe"
	if t.os == "windows" {
		name = "knockpipe.exe"
	}
	data, err := os.ReadFile(path)
	return file{name, 0o755, data}, err
}

// goTool runs the go command for a target. It ignores the builder's other settings of the
// go command.
func (r *release) goTool(t target, args ...string) (string, error) {
	cmd := exec.Command(goProgram(), args...)
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), "GOOS="+t.os, "GOARCH="+t.arch, "GOARM="+t.arm,
		"GO386=sse2", "GOAMD64=v1", "GOARM64=v8.0", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("go %s: %w\n%s", args[0], err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

// goProgram is the go command that the builder names, or the one in the path.
func goProgram() string { return cmp.Or(os.Getenv("GO"), "go") }

// licences makes the file with the licences of everything that is linked into the
// program: those of Go and of each module. They have to come with the program.
func (r *release) licences(t target) (file, error) {
	root, err := r.goTool(t, "env", "GOROOT")
	if err != nil {
		return file{}, err
	}
	list, err := r.goTool(t, "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}", ".")
	if err != nil {
		return file{}, err
	}
	users := make(map[string][]string) // of a licence
	var texts []string
	seen := make(map[string]bool)
	for _, module := range append([]string{"Go\t" + root}, strings.Split(list, "\n")...) {
		name, dir, ok := strings.Cut(module, "\t")
		if !ok || seen[name] {
			continue
		}
		seen[name] = true
		data, err := os.ReadFile(filepath.Join(dir, "LICENSE"))
		if err != nil {
			return file{}, fmt.Errorf("licence of %s: %w", name, err)
		}
		text := string(data)
		if users[text] == nil {
			texts = append(texts, text)
		}
		users[text] = append(users[text], name)
	}
	var b strings.Builder
	b.WriteString("knockpipe itself is under the licence in LICENSE. Linked into it are:\n")
	for _, text := range texts {
		fmt.Fprintf(&b, "\n== %s ==\n\n%s", strings.Join(users[text], ", "), text)
	}
	return file{"LICENSE.third-party", 0o644, []byte(b.String())}, nil
}
