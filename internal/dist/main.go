// Dist builds what a release consists of: for each system an archive with the
// program, its manual, completions and examples, packages for Debian, and the
// SHA256SUMS of them all.
//
//	go run ./internal/dist [-o FOLDER] [os/arch ...]
//
// It needs nothing but Go, and git where VERSION and SOURCE_DATE_EPOCH are not
// set. The same source, version, time and Go make the same bytes, on any system
// and in any folder.
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A target is a system that is built for.
type target struct {
	os, arch string
	arm      string // the version of 32-bit ARM
	debian   string // its name at Debian; empty for no package
}

var targets = []target{
	{"linux", "amd64", "", "amd64"},
	{"linux", "arm64", "", "arm64"},
	{"linux", "arm", "7", "armhf"},
	{"linux", "386", "", "i386"},
	{"darwin", "amd64", "", ""},
	{"darwin", "arm64", "", ""},
	{"windows", "amd64", "", ""},
	{"windows", "arm64", "", ""},
	{"freebsd", "amd64", "", ""},
	{"openbsd", "amd64", "", ""},
}

func (t target) String() string {
	if t.arm != "" {
		return t.os + "/" + t.arch + "v" + t.arm
	}
	return t.os + "/" + t.arch
}

// A release is one version of the source, to be built.
type release struct {
	root    string // the folder with go.mod
	out     string // where all goes
	version string
	time    time.Time // of everything in it
}

func main() {
	out := flag.String("o", "dist", "the `folder` to write to")
	flag.Parse()
	if err := run(*out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// run builds the named targets, or all.
func run(out string, names []string) error {
	chosen := slices.DeleteFunc(slices.Clone(targets), func(t target) bool {
		return len(names) > 0 && !slices.Contains(names, t.String())
	})
	if len(names) > 0 && len(chosen) != len(names) {
		return fmt.Errorf("not all of these are known: %s", strings.Join(names, " "))
	}
	r := &release{root: ".", out: out}
	if err := r.identify(os.Getenv); err != nil {
		return err
	}
	made, err := r.make(chosen)
	for _, name := range made {
		fmt.Println(filepath.Join(out, name))
	}
	return err
}

// make builds targets and returns the names of the files.
func (r *release) make(targets []target) (made []string, err error) {
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return nil, err
	}
	papers, err := r.papers() // before minutes of building
	if err != nil {
		return nil, err
	}
	sums := make(map[string]string)
	write := func(name string, data []byte, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		sums[name] = fmt.Sprintf("%x  %s\n", sha256.Sum256(data), name)
		made = append(made, name)
		return os.WriteFile(filepath.Join(r.out, name), data, 0o644)
	}
	for _, t := range targets {
		program, err := r.build(t)
		if err != nil {
			return made, fmt.Errorf("%v: %w", t, err)
		}
		licences, err := r.licences(t)
		if err != nil {
			return made, fmt.Errorf("%v: %w", t, err)
		}
		name, data, err := r.archive(t, append(slices.Clone(papers), program, licences))
		if err := write(name, data, err); err != nil {
			return made, err
		}
		if t.debian == "" {
			continue
		}
		name, data, err = r.deb(t, append(slices.Clone(papers), program, licences))
		if err := write(name, data, err); err != nil {
			return made, err
		}
	}
	slices.Sort(made)
	var text strings.Builder
	for _, name := range made {
		text.WriteString(sums[name])
	}
	made = append(made, "SHA256SUMS")
	return made, os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(text.String()), 0o644)
}
