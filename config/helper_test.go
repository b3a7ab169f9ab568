package config_test

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"knockpipe/config"
)

// write writes a file of the user's, with the folders it needs, and returns its
// path.
func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A home is a home folder of its own, with files in ~/.ssh and a system's file.
type home struct {
	config.Sources
	dir string
}

// newHome makes a home folder. A file's name is relative to ~/.ssh, or to the
// system's folder if it begins with "/": "/ssh_config".
func newHome(t testing.TB, files map[string]string) home {
	t.Helper()
	dir := t.TempDir()
	h := home{dir: dir, Sources: config.Sources{
		Side:      filepath.Join(dir, ".ssh", "knock_config"),
		User:      filepath.Join(dir, ".ssh", "config"),
		System:    filepath.Join(dir, "etc", "ssh_config"),
		Home:      dir,
		LocalUser: "ann",
		Env:       func(string) string { return "" },
	}}
	for name, text := range files {
		write(t, h.path(name), text)
	}
	return h
}

// path is where a file of newHome lies.
func (h home) path(name string) string {
	if name[0] == '/' {
		return filepath.Join(h.dir, "etc", name)
	}
	return filepath.Join(h.dir, ".ssh", name)
}

// trim makes messages that name files of the home folder comparable.
func (h home) trim(message string) string {
	message = strings.ReplaceAll(message, h.dir, "~")
	return filepath.ToSlash(message)
}

// knockOf is the sequence of a host, or the error after "error: ".
func (h home) knockOf(name string) string {
	return h.ask(query(name, ""))
}

func (h home) ask(q config.Query) string {
	s, err := h.Load(q)
	if err != nil {
		return "error: " + h.trim(err.Error())
	}
	return s.Knock.String()
}

// notesOf is the text of each note with its place: "file:line: text". A hint
// ends with "(hint)".
func (h home) notesOf(t testing.TB, q config.Query) []string {
	t.Helper()
	s, err := h.Load(q)
	if err != nil {
		t.Fatalf("%v: %v", q, err)
	}
	var notes []string
	for _, n := range s.Notes {
		text := n.Origin.String() + ": " + n.Text
		if n.Hint {
			text += " (hint)"
		}
		notes = append(notes, h.trim(text))
	}
	return notes
}

// needSSH skips the test where the real ssh is not installed.
func needSSH(t testing.TB) *user.User {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("skipping, as the shell and the paths of these configs are Unix's")
	}
	_, err := exec.LookPath("ssh")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("no test may be skipped in CI: %v", err)
	}
	if err != nil {
		t.Skipf("skipping, ssh is not installed: %v", err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return me
}

// askSSH is what "ssh -G" says with this one file, by keyword. It reports false
// where ssh refuses the file.
func askSSH(t testing.TB, file string, q config.Query) (map[string]string, bool) {
	t.Helper()
	args := []string{"-T", "-G", "-F", file}
	if q.User != "" {
		args = append(args, "-l", q.User)
	}
	cmd := exec.Command("ssh", append(args, "--", q.Name)...)
	// Each of thousands of processes would read OpenSSL's own config, for nothing.
	cmd.Env = append(os.Environ(), "LC_ALL=C", "OPENSSL_CONF=/dev/null")
	out, err := cmd.Output()
	if err != nil {
		return map[string]string{"error": err.Error()}, false
	}
	said := map[string]string{}
	for line := range strings.Lines(string(out)) {
		keyword, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		said[keyword] = value
	}
	return said, true
}

func query(name, user string) config.Query { return config.Query{Name: name, User: user, Exact: true} }
