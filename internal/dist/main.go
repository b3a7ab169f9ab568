// Dist builds a release: for each system an archive with the program, its manual,
// completions and examples, packages for Linux, and the SHA256SUMS of all these files.
//
//	go run ./internal/dist [-o FOLDER] [os/arch ...]
//
// It needs only Go, which fetches nfpm for the packages, and git if VERSION and
// SOURCE_DATE_EPOCH are not set. Builds are reproducible: the same source, version, time
// and Go make the same bytes, on any Unix and in any directory.
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

// A target is a system to build for.
type target struct {
	os, arch string
	arm      string // the version of 32-bit ARM
}

var targets = []target{
	{"linux", "amd64", ""},
	{"linux", "arm64", ""},
	{"linux", "arm", "7"},
	{"linux", "386", ""},
	{"darwin", "amd64", ""},
	{"darwin", "arm64", ""},
	{"windows", "amd64", ""},
	{"windows", "arm64", ""},
	{"freebsd", "amd64", ""},
	{"openbsd", "amd64", ""},
}

func (t target) String() string {
	if t.arm != "" {
		return t.os + "/" + t.arch + "v" + t.arm
	}
	return t.os + "/" + t.arch
}

// A release is one version of the source, to be built.
type release struct {
	root      string // the folder with go.mod
	out       string // where all goes
	version   string
	time      time.Time // of everything in it
	packagers []packager
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
	r := &release{root: ".", out: out, packagers: packagers}
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
	for _, t := range targets {
		names, err := r.makeTarget(t, papers)
		made = append(made, names...)
		if err != nil {
			return made, fmt.Errorf("%v: %w", t, err)
		}
	}
	slices.Sort(made)
	var sums strings.Builder
	for _, name := range made {
		data, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			return made, err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), name)
	}
	made = append(made, "SHA256SUMS")
	return made, os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}

// makeTarget builds the program for a target, and packs it.
func (r *release) makeTarget(t target, papers []file) (made []string, err error) {
	program, err := r.build(t)
	if err != nil {
		return nil, err
	}
	licences, err := r.licences(t)
	if err != nil {
		return nil, err
	}
	files := append(slices.Clone(papers), program, licences)
	name, data, err := r.archive(t, files)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(r.out, name), data, 0o644); err != nil {
		return nil, err
	}
	if t.os != "linux" {
		return []string{name}, nil
	}
	made, err = r.packages(t, files)
	return append(made, name), err
}
