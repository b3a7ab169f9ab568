//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestDeb has dpkg install the package in a tree of its own, and remove it again.
func TestDeb(t *testing.T) {
	if testing.Short() {
		t.Skip("skipping, -short leaves dpkg out")
	}
	lab.Need(t, "dpkg")
	if os.Geteuid() != 0 {
		t.Skip("skipping, dpkg needs root or a user namespace")
	}
	if runtime.GOARCH != "amd64" {
		t.Skip("skipping, the package is amd64's")
	}
	r := &release{root: "../..", out: t.TempDir(), version: testVersion, time: testTime}
	if _, err := r.make([]target{named(t, "linux/amd64")}); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for _, dir := range []string{"info", "updates", "triggers"} {
		if err := os.MkdirAll(filepath.Join(root, "var/lib/dpkg", dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	dpkg := func(args ...string) string {
		t.Helper()
		// Containers leave documentation out by their settings, and log elsewhere.
		cmd := exec.Command("dpkg", append([]string{"--root=" + root, "--log=" + os.DevNull, "--path-include=*"}, args...)...)
		cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin", "LC_ALL=C.UTF-8")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("dpkg %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	for _, remove := range []string{"--remove", "--purge"} {
		dpkg("--install", filepath.Join(r.out, "knockpipe_1.2.3~rc1-1_amd64.deb"))
		if out := dpkg("--verify", "knockpipe"); out != "" {
			t.Errorf("dpkg --verify: %s", out)
		}
		if out := dpkg("--status", "knockpipe"); !strings.Contains(out, "Status: install ok installed\n") {
			t.Errorf("dpkg --status: %s", out)
		}
		got := installed(t, root)
		for _, want := range []string{
			"-rwxr-xr-x /usr/bin/knockpipe",
			"-rw-r--r-- /usr/share/man/man1/knockpipe.1.gz",
			"-rw-r--r-- /usr/share/bash-completion/completions/knockpipe",
			"-rw-r--r-- /usr/share/zsh/vendor-completions/_knockpipe",
			"-rw-r--r-- /usr/share/fish/vendor_completions.d/knockpipe.fish",
			"-rw-r--r-- /usr/share/doc/knockpipe/changelog.gz",
			"-rw-r--r-- /usr/share/doc/knockpipe/changelog.Debian.gz",
			"-rw-r--r-- /usr/share/doc/knockpipe/copyright",
			"-rw-r--r-- /usr/share/doc/knockpipe/README.md",
			"-rw-r--r-- /usr/share/doc/knockpipe/examples/nftables.conf",
			"-rw-r--r-- /usr/share/doc/knockpipe/examples/ssh_config",
		} {
			if !slices.Contains(got, want) {
				t.Errorf("%s is not installed", want)
			}
		}
		out, err := exec.Command(filepath.Join(root, "usr/bin/knockpipe"), "-V").CombinedOutput()
		if want := "knockpipe " + testVersion + "\n"; err != nil || string(out) != want {
			t.Errorf("knockpipe -V: got %q, %v, want %q", out, err, want)
		}
		dpkg(remove, "knockpipe")
		if left := installed(t, root); len(left) > 0 {
			t.Errorf("dpkg %s leaves %q", remove, left)
		}
	}
}

// installed returns what is in a tree besides dpkg's own folder.
func installed(t *testing.T, root string) (names []string) {
	t.Helper()
	if err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		name := strings.TrimPrefix(path, root)
		switch {
		case err != nil:
			return err
		case name == "/var":
			return filepath.SkipDir
		case info.IsDir() && name != "" && info.Mode().Perm() != 0o755:
			t.Errorf("%s: got %v, want mode 0755", name, info.Mode())
		case !info.IsDir() && !info.ModTime().Equal(testTime):
			t.Errorf("%s: got %v, want %v", name, info.ModTime().Format(time.RFC3339), testTime)
		}
		if name != "" {
			names = append(names, info.Mode().String()+" "+name)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return names
}
