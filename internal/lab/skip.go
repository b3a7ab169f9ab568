package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// skip skips a test for which this machine lacks something. If CI is true, nothing may be
// missing.
func skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("no test may be skipped in CI: "+format, args...)
	}
	t.Skipf("skipping, "+format, args...)
}

// Need skips the test unless all the named programs are installed.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(program(name)); err != nil {
			skip(t, "%s is not installed", name)
		}
	}
}

// program returns the path of a program. The system's own are found also for
// users without /usr/sbin in their PATH.
func program(name string) string {
	if filepath.Base(name) != name {
		return name
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return name
}
