package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// tests remove what firstBuild has made for them.
func TestMain(m *testing.M) {
	code := lab.M{M: m}.Run()
	os.RemoveAll(firstRoot)
	os.Exit(code)
}

const testVersion = "v1.2.3-rc1"

var testTime = time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC) // even: .zip's own times have no odd seconds

// testUnits are in the checkout, so that there are some.
var testUnits = map[string]string{
	"knockpipe-test.service": "[Unit]\nDescription=Test\nDocumentation=man:knockpipe(1)\n[Service]\nType=oneshot\nExecStart=/usr/bin/knockpipe -V\n",
	"knockpipe-test.timer":   "[Unit]\nDescription=Test\nDocumentation=man:knockpipe(1)\n[Timer]\nOnBootSec=1h\n[Install]\nWantedBy=timers.target\n",
}

// checkout copies what a release is made of to another folder, and adds units.
func checkout(root string) error {
	for name, text := range testUnits {
		if err := os.MkdirAll(filepath.Join(root, "examples"), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(root, "examples", name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return fs.WalkDir(os.DirFS("../.."), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(e.Name(), "."), name == "dist", e.Name() == "testdata":
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return os.MkdirAll(filepath.Join(root, name), 0o755)
		case !e.Type().IsRegular(), strings.HasSuffix(name, "_test.go"), name == "knockpipe":
			return nil
		}
		data, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(root, name), data, 0o600)
	})
}

// named returns the target of that name.
func named(t *testing.T, name string) target {
	t.Helper()
	i := slices.IndexFunc(targets, func(t target) bool { return t.String() == name })
	if i < 0 {
		t.Fatalf("no target %s", name)
	}
	return targets[i]
}

// contents returns a folder's files.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// A build is a release that was made, and of what its first target consists.
type build struct {
	root, out string
	names     []string
	files     []file
}

var firstRoot string // empty as long as nothing was built

// firstBuild makes the release that most tests look at, once.
var firstBuild = sync.OnceValues(func() (b build, err error) {
	if b.root, err = os.MkdirTemp("", "knockpipe-dist"); err != nil {
		return b, err
	}
	firstRoot, b.out = b.root, filepath.Join(b.root, "out")
	if err := checkout(b.root); err != nil {
		return b, err
	}
	r := &release{root: b.root, out: b.out, version: testVersion, time: testTime, packagers: packagers}
	if b.names, err = r.make(chosenTargets()); err != nil {
		return b, err
	}
	// What it consists of is built already, so that this takes no time.
	papers, err := r.papers()
	if err != nil {
		return b, err
	}
	program, err := r.build(targets[0])
	if err != nil {
		return b, err
	}
	licences, err := r.licences(targets[0])
	b.files = append(papers, program, licences)
	return b, err
})

// firstRelease is what firstBuild makes, which -short leaves out: it is slow, and
// nothing in it runs beside anything else, so that the race detector has no use for it.
func firstRelease(t *testing.T) build {
	t.Helper()
	if testing.Short() {
		t.Skip("skipping, -short leaves the building out")
	}
	needNfpm(t)
	b, err := firstBuild()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// chosenTargets are the targets that are built. All others differ only in the compiler.
func chosenTargets() []target {
	return slices.DeleteFunc(slices.Clone(targets), func(t target) bool { return t.arch != "amd64" || t.os != "linux" && t.os != "windows" })
}

// needNfpm skips the test where nfpm cannot be had, which Go fetches.
func needNfpm(t *testing.T) {
	t.Helper()
	if err := nfpmRuns(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no test may be skipped in CI: %v", err)
		}
		t.Skipf("skipping, nfpm cannot be had: %v", err)
	}
}

var nfpmRuns = sync.OnceValue(func() error {
	if output, err := nfpmCommand("--version").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
})

// TestRelease builds once more, in another folder, which is a git repository, and
// with other settings for Go, and looks into what comes out.
func TestRelease(t *testing.T) {
	first := firstRelease(t)
	r := &release{root: t.TempDir(), out: filepath.Join(t.TempDir(), "out"), version: testVersion, time: testTime, packagers: packagers}
	if err := checkout(r.root); err != nil {
		t.Fatal(err)
	}
	commit(t, r.root)
	t.Setenv("GOFLAGS", "-tags=other")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("TZ", "Asia/Kolkata")
	t.Setenv("GOMAXPROCS", "1") // of the tools that are run
	if _, err := r.make(chosenTargets()); err != nil {
		t.Fatal(err)
	}
	made := [2]map[string][]byte{contents(t, first.out), contents(t, r.out)}
	if len(first.names) != len(made[0]) {
		t.Errorf("got %q, want the %d files in the folder", first.names, len(made[0]))
	}
	for name, data := range made[0] {
		if !bytes.Equal(data, made[1][name]) {
			t.Errorf("%s: the second build differs", name)
		}
	}
	checkSums(t, made[0])
	want := []string{
		"0644 CHANGELOG.md", "0644 CONTRIBUTING.md", "0644 LICENSE", "0644 LICENSE.third-party", "0644 README.md", "0644 SECURITY.md",
		"0644 completions/_knockpipe", "0644 completions/knockpipe.bash", "0644 completions/knockpipe.fish",
		"0644 doc/bench.svg", "0644 doc/clients.md", "0644 doc/connection.svg", "0644 doc/knock_config.5", "0644 doc/knockpipe-server.7", "0644 doc/knockpipe.1",
		"0644 doc/token.md", "0644 doc/walks.md",
	}
	examples, err := os.ReadDir("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range examples {
		if e.Type().IsRegular() {
			want = append(want, "0644 examples/"+e.Name())
		}
	}
	base := "knockpipe-" + testVersion + "-linux-amd64"
	program := checkMembers(t, base, untar(t, made[0][base+".tar.gz"]), append(want, "0755 knockpipe"))
	checkProgram(t, program)
	base = "knockpipe-" + testVersion + "-windows-amd64"
	program = checkMembers(t, base, unzip(t, made[0][base+".zip"]), append(want, "0755 knockpipe.exe"))
	if !bytes.HasPrefix(program, []byte("MZ")) {
		t.Error("knockpipe.exe is not a program for Windows")
	}
}

// commit makes a folder a git repository, if there is a git.
func commit(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-q", "-m", "all"}} {
		cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
			"GIT_AUTHOR_DATE=@1700000000 +0000", "GIT_COMMITTER_DATE=@1700000000 +0000")
		if out, err := cmd.CombinedOutput(); errors.Is(err, exec.ErrNotFound) {
			t.Log("no git: both folders are none of its")
			return
		} else if err != nil {
			t.Fatalf("git %s: %v\n%s", args[0], err, out)
		}
	}
}

// checkSums does what sha256sum -c does, and that no file is left out.
func checkSums(t *testing.T, files map[string][]byte) {
	t.Helper()
	lines := strings.SplitAfter(string(files["SHA256SUMS"]), "\n")
	if lines = lines[:len(lines)-1]; len(lines) != len(files)-1 {
		t.Errorf("SHA256SUMS has %d lines, want %d", len(lines), len(files)-1)
	}
	for _, line := range lines {
		_, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if want := fmt.Sprintf("%x  %s\n", sha256.Sum256(files[name]), name); line != want {
			t.Errorf("SHA256SUMS: got %q, want %q", line, want)
		}
	}
}

// A member is a file of an archive.
type member struct {
	file
	owner string
	time  time.Time
}

// checkMembers compares an archive with what it must have at least, and returns the
// program in it.
func checkMembers(t *testing.T, base string, members []member, want []string) (program []byte) {
	t.Helper()
	got := make(map[string]bool)
	for _, m := range members {
		name, ok := strings.CutPrefix(m.name, base+"/")
		if !ok || strings.HasPrefix(name, "examples/demo") || len(m.data) == 0 {
			t.Errorf("%s: got %s with %d bytes", base, m.name, len(m.data))
		}
		if m.owner != "0 root 0 root" && m.owner != "" || !m.time.Equal(testTime) {
			t.Errorf("%s: %s: got %q, %v, want root's and %v", base, m.name, m.owner, m.time, testTime)
		}
		got[fmt.Sprintf("%#o %s", m.mode, name)] = true
		if m.mode == 0o755 {
			program = m.data
		}
	}
	for _, name := range want {
		if !got[name] {
			t.Errorf("%s: %s is missing", base, name)
		}
	}
	return program
}

// untar returns the files of a .tar.gz; its folders have the usual mode.
func untar(t *testing.T, data []byte) (members []member) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if !z.ModTime.IsZero() || z.Name != "" {
		t.Errorf("gzip: got %v and %q, want no time and no name", z.ModTime, z.Name)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return members
		} else if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeDir {
			if h.Mode != 0o755 {
				t.Errorf("%s: got mode %#o, want 0755", h.Name, h.Mode)
			}
			continue
		}
		members = append(members, member{file{h.Name, fs.FileMode(h.Mode), data},
			fmt.Sprintf("%d %s %d %s", h.Uid, h.Uname, h.Gid, h.Gname), h.ModTime})
	}
}

func unzip(t *testing.T, data []byte) (members []member) {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		data, err := fs.ReadFile(r, f.Name)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, member{file{f.Name, f.Mode(), data}, "", f.Modified})
	}
	return members
}

// maxSize is what a stripped program may have. Package text/template, which -rules writes
// its texts with, takes 1.4 MB of it: the linker keeps all methods then.
const maxSize = 7_100_000

// checkProgram looks at the program for linux/amd64, and runs it there.
func checkProgram(t *testing.T, program []byte) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC }) {
		t.Error("the program is not static")
	}
	if f.Section(".symtab") != nil || f.Section(".debug_info") != nil || f.Section(".zdebug_info") != nil {
		t.Error("the program is not stripped")
	}
	if len(program) > maxSize {
		t.Errorf("the program has %d bytes, want at most %d", len(program), maxSize)
	}
	if wd, _ := os.Getwd(); bytes.Contains(program, []byte(filepath.Dir(filepath.Dir(wd)))) {
		t.Error("the program names the folder that it was built in")
	}
	if runtime.GOOS+runtime.GOARCH != "linuxamd64" {
		return
	}
	path := filepath.Join(t.TempDir(), "knockpipe")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "-V").CombinedOutput()
	if want := "knockpipe " + testVersion + "\n"; err != nil || string(out) != want {
		t.Errorf("knockpipe -V: got %q, %v, want %q", out, err, want)
	}
}

// TestSourceBuild builds in a clone, with make and only with go: -V names the commit.
func TestSourceBuild(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipping, -short leaves make out")
	}
	lab.Need(t, "git", "make")
	root := t.TempDir()
	if err := checkout(root); err != nil {
		t.Fatal(err)
	}
	commit(t, root)
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := run("git", "rev-parse", "HEAD")
	program := filepath.Join(t.TempDir(), "knockpipe")
	run("go", "build", "-o", program, ".")
	if got := run(program, "-V"); !strings.HasPrefix(got, "knockpipe v0.0.0-") || !strings.HasSuffix(got, "-"+commit[:12]) {
		t.Errorf("go build: got %q, want commit %s", got, commit[:12])
	}
	run("env", "-u", "VERSION", "make", "build")
	if got, want := run("./knockpipe", "-V"), "knockpipe "+commit[:7]; !strings.HasPrefix(got, want) {
		t.Errorf("make build: got %q, want %q", got, want)
	}
}

// TestMissing makes a release that lacks something.
func TestMissing(t *testing.T) {
	for _, name := range []string{"doc/knockpipe.1", "completions/_knockpipe", "CHANGELOG.md", "examples"} {
		r := &release{root: t.TempDir(), out: t.TempDir(), version: testVersion, time: testTime}
		if err := checkout(r.root); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(r.root, name)); err != nil {
			t.Fatal(err)
		}
		names, err := r.make(targets)
		if err == nil || !strings.Contains(filepath.ToSlash(err.Error()), name) || len(names) > 0 {
			t.Errorf("without %s: got %q, %v, want an error", name, names, err)
		}
	}
}
