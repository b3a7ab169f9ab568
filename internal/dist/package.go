package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// nfpm makes the packages. It is run with go run and is not a requirement of the module,
// because building the program does not need it.
const nfpm = "github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2"

// recipe is the directory with nfpm's configuration, the packages' scripts, and the
// overrides for Debian's lintian.
const recipe = "internal/dist/nfpm"

// maintainer is the one of nfpm.yaml. Nobody reads mail there.
const maintainer = "The knockpipe authors <maintainers@knockpipe.example>"

// A packager is a kind of package, by nfpm's name, and how its versions are written.
type packager struct {
	name    string
	version func(upstream string) string
}

var packagers = []packager{
	{"deb", func(s string) string { return s }},
	{"rpm", func(s string) string { return s }},
	{"apk", alpineVersion},
	{"archlinux", archVersion},
}

// packages makes the packages for a target and returns their names.
func (r *release) packages(t target, files []file) (made []string, err error) {
	if len(r.packagers) == 0 {
		return nil, nil
	}
	upstream, err := upstreamVersion(r.version)
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "knockpipe-dist")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	if err := r.layOut(work, upstream, files); err != nil {
		return nil, err
	}
	for _, p := range r.packagers {
		// An empty folder tells how nfpm calls the package.
		target := filepath.Join(work, "made", p.name)
		if err := os.MkdirAll(target, 0o755); err != nil {
			return made, err
		}
		cmd := nfpmCommand("package", "--packager", p.name, "--target", target)
		cmd.Dir = work
		cmd.Env = append(cmd.Env,
			"ARCH="+t.arch+t.arm, "VERSION="+p.version(upstream), fmt.Sprint("SOURCE_DATE_EPOCH=", r.time.Unix()))
		if output, err := cmd.CombinedOutput(); err != nil {
			return made, fmt.Errorf("nfpm, %s: %w\n%s", p.name, err, output)
		}
		names, err := filepath.Glob(filepath.Join(target, "*"))
		if err != nil || len(names) != 1 {
			return made, fmt.Errorf("nfpm, %s: made %q, %v, want one file", p.name, names, err)
		}
		data, err := os.ReadFile(names[0])
		if err != nil {
			return made, err
		}
		name := filepath.Base(names[0])
		if err := os.WriteFile(filepath.Join(r.out, name), data, 0o644); err != nil {
			return made, err
		}
		made = append(made, name)
	}
	return made, nil
}

// nfpmCommand returns the command that runs nfpm on this machine, whatever the target is.
func nfpmCommand(args ...string) *exec.Cmd {
	cmd := exec.Command(goProgram(), append([]string{"run", nfpm}, args...)...)
	cmd.Env = append(os.Environ(), "GOOS=", "GOARCH=", "GOFLAGS=-trimpath", "GOWORK=off", "CGO_ENABLED=0")
	return cmd
}

// layOut writes what nfpm.yaml names: what an archive has, what a package has in
// another form, and the recipe itself.
func (r *release) layOut(dir, upstream string, files []file) error {
	var licences, laid []file
	for _, f := range files {
		switch {
		case strings.HasPrefix(f.name, "LICENSE"):
			licences = append(licences, f)
		case isManual(f.name):
			f.name = "man/" + path.Base(f.name) + ".gz"
			laid = append(laid, f)
		case f.name == "CHANGELOG.md":
			f.name = "changelog.gz"
			laid = append(laid, f)
		case isUnit(f.name):
			f.name = "units/" + path.Base(f.name)
			laid = append(laid, f)
		default:
			laid = append(laid, f)
		}
	}
	change := fmt.Appendf(nil, "knockpipe (%s-1) unstable; urgency=medium\n\n  * Version %s: see changelog.gz.\n\n -- %s  %s\n",
		upstream, r.version, maintainer, r.time.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	laid = append(laid, file{"changelog.Debian.gz", 0o644, change}, file{"copyright", 0o644, copyright(licences)})
	entries, err := os.ReadDir(filepath.Join(r.root, recipe))
	if err != nil {
		return err
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(r.root, recipe, e.Name()))
		if err != nil {
			return err
		}
		laid = append(laid, file{e.Name(), 0o644, data})
	}
	for _, f := range laid {
		if path.Ext(f.name) == ".gz" {
			if f.data, err = gzipped(f.data); err != nil {
				return err
			}
		}
		name := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.data, f.mode); err != nil {
			return err
		}
		if err := os.Chmod(name, f.mode); err != nil { // whatever the umask is
			return err
		}
	}
	return nil
}

// isManual reports whether a file is a page of the manual: its name ends with a section.
func isManual(name string) bool {
	return slices.Contains([]string{".1", ".5", ".7"}, path.Ext(name))
}

// isUnit reports whether an example is a unit that the packages install. The units of
// knockpipe-db are only an example.
func isUnit(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, "knockpipe-") && !strings.HasPrefix(base, "knockpipe-db") &&
		slices.Contains([]string{".path", ".service", ".timer"}, path.Ext(base))
}

// copyright is the licences in one file.
func copyright(licences []file) []byte {
	slices.SortFunc(licences, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	var texts [][]byte
	for _, f := range licences {
		texts = append(texts, f.data)
	}
	return bytes.Join(texts, []byte("\n"))
}

// gzipped is gzip -9n.
func gzipped(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}
