package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

func TestUpstreamVersion(t *testing.T) {
	for _, tt := range []struct{ version, want string }{
		{"", "error: "}, {"v", "error: "}, {"latest", "error: "}, {"-1", "error: "},
		{"1.0/../x", "error: "}, {"1 0", "error: "}, {"1.0\n", "error: "}, {"1:0", "error: "},

		{"c30ffeb-dirty", "0+gitc30ffeb+dirty"},
		{"c30ffeb", "0+gitc30ffeb"},
		{"1234567", "0+git1234567"},
		{"v1.2.0-rc.1", "1.2.0~rc.1"},
		{"v1.2.0-rc.1-3-gc30ffeb", "1.2.0~rc.1.3.gc30ffeb"},
		{"v1.2.0", "1.2.0"},
		{"1.2.0-dirty", "1.2.0+dirty"},
		{"v1.2.0-3-gc30ffeb-dirty", "1.2.0+3.gc30ffeb.dirty"},
		{"v1.10.0", "1.10.0"},
	} {
		got, err := upstreamVersion(tt.version)
		if err != nil {
			got = "error: "
		}
		if got != tt.want {
			t.Errorf("%q: got %q, %v, want %q", tt.version, got, err, tt.want)
		}
	}
}

// TestOrder asks the distributions' own tools which version is the newer one. Debian
// has pacman, which TestPackages asks, without its vercmp.
func TestOrder(t *testing.T) {
	versions := []string{"c30ffeb", "v0.9.0", "v1.0.0-rc1", "v1.0.0-rc1-2-gc30ffeb", "v1.0.0-rc2", "v1.0.0", "v1.0.0-2-gc30ffeb", "v1.0.0-10-gaaaaaaa", "v1.0.1"}
	for _, tt := range []struct {
		tool    string
		compare func(a, b string) *exec.Cmd // prints what is below 0 or nothing if a is older
	}{
		{"dpkg", func(a, b string) *exec.Cmd { return exec.Command("dpkg", "--compare-versions", a, "lt", b) }},
		{"rpm", func(a, b string) *exec.Cmd {
			return exec.Command("rpm", "--eval", fmt.Sprintf("%%{lua:print(rpm.vercmp(%q, %q))}", a, b))
		}},
	} {
		t.Run(tt.tool, func(t *testing.T) {
			lab.Need(t, tt.tool)
			for i, newer := range versions[1:] {
				a, _ := upstreamVersion(versions[i])
				b, _ := upstreamVersion(newer)
				out, err := tt.compare(a, b).CombinedOutput()
				if got := strings.TrimSpace(string(out)); err != nil || got != "" && got != "-1" {
					t.Errorf("%s is not older than %s: %v %s", a, b, err, out)
				}
			}
		})
	}
}

func TestArchVersion(t *testing.T) {
	if got, want := archVersion("1.2.0~rc1"), "1.2.0rc1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestAlpineVersion has no apk to ask: its grammar is digits, _ and one of a few
// words, and digits.
func TestAlpineVersion(t *testing.T) {
	for _, tt := range []struct{ upstream, want string }{
		{"0+gitc30ffeb", "0_git"},
		{"1.2.0", "1.2.0"},
		{"1.2.0~rc1", "1.2.0_rc1"},
		{"1.2.0~rc.1", "1.2.0_rc1"},
		{"1.2.0~beta", "1.2.0_beta"},
		{"1.2.0~try", "1.2.0_pre"},
		{"1.2.0+3.gc30ffeb", "1.2.0_p3"},
		{"1.2.0+dirty", "1.2.0_git"},
	} {
		if got := alpineVersion(tt.upstream); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.upstream, got, tt.want)
		}
	}
}

// TestIdentify takes what the environment does not say from git.
func TestIdentify(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("skipping, git is not installed")
	}
	none, repo := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(repo, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	commit(t, repo)
	tag := exec.Command("git", "tag", "v7.0")
	tag.Dir = repo
	if out, err := tag.CombinedOutput(); err != nil {
		t.Fatalf("git tag: %v\n%s", err, out)
	}
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(none))
	for _, tt := range []struct{ dir, version, epoch, want string }{
		{repo, "1 0", "", `error: bad version "1 0": letters, digits and . + - only`},
		{repo, "", "soon", `error: bad SOURCE_DATE_EPOCH "soon": not a number of seconds`},
		{repo, "", "-1", `error: bad SOURCE_DATE_EPOCH "-1": not a number of seconds`},
		{none, "", "1", "error: no VERSION, and no version from git: "},
		{none, "1.0", "", "error: no SOURCE_DATE_EPOCH, and no time from git: "},

		{none, "1.0", "86400", "1.0 1970-01-02T00:00:00Z"},
		{repo, "", "", "v7.0 2023-11-14T22:13:20Z"},
		{repo, "", "86400", "v7.0 1970-01-02T00:00:00Z"},
	} {
		env := map[string]string{"VERSION": tt.version, "SOURCE_DATE_EPOCH": tt.epoch}
		r := &release{root: tt.dir}
		got := ""
		if err := r.identify(func(name string) string { return env[name] }); err != nil {
			got = "error: " + err.Error()
		} else {
			got = r.version + " " + r.time.Format(time.RFC3339)
		}
		if got != tt.want && (!strings.HasSuffix(tt.want, ": ") || !strings.HasPrefix(got, tt.want)) {
			t.Errorf("VERSION=%s SOURCE_DATE_EPOCH=%s: got %q, want %q", tt.version, tt.epoch, got, tt.want)
		}
	}
}
