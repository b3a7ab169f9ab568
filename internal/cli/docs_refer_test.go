package cli

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestManualRefers follows the references of the manual's pages to each other, and to
// sections of their own, and bounds their lines.
func TestManualRefers(t *testing.T) {
	for _, page := range manual {
		t.Run(page, func(t *testing.T) {
			text, name := document(t, page), path.Base(page)
			title, number, _ := strings.Cut(name, ".")
			if want := ".Dt " + strings.ToUpper(title) + " " + number + "\n"; !strings.Contains(text, want) {
				t.Errorf("it has no line %q", want)
			}
			for _, m := range regexp.MustCompile(`(?m)^\.Xr (knock(?:pipe|_)\S*) (\d)`).FindAllStringSubmatch(text, -1) {
				if file := "doc/" + m[1] + "." + m[2]; !slices.Contains(manual, file) {
					t.Errorf("%s: there is no %s", m[0], file)
				} else if file == page {
					t.Errorf("%s: that is this page itself", m[0])
				}
			}
			for _, other := range manual {
				base, number, _ := strings.Cut(path.Base(other), ".")
				if other != page && !strings.Contains(text, ".Xr "+base+" "+number) {
					t.Errorf("it does not refer to %s", other)
				}
			}
			for _, title := range all(text, `(?m)^\.Sx (.*?)(?: [.,;)])?$`) {
				if !strings.Contains(text, "\n.Sh "+title+"\n") && !strings.Contains(text, "\n.Ss "+title+"\n") {
					t.Errorf("there is no section %q", title)
				}
			}
			for i, line := range strings.Split(text, "\n") {
				if n := len([]rune(line)); n > 120 {
					t.Errorf("line %d has %d characters, want 120 at the most", i+1, n)
				}
			}
		})
	}
}

// sshSays are the messages in the documents that are ssh's own.
var sshSays = []string{"Connection closed by", "Connection timed out during banner exchange", "Bad configuration option"}

// TestMessagesDocumented finds the messages that the documents quote in the code: those
// of the manual's DIAGNOSTICS, and those in the README's table of troubles.
func TestMessagesDocumented(t *testing.T) {
	quoted := diagnostics(t)
	if _, table, ok := strings.Cut(document(t, "README.md"), "| what you see |"); ok {
		table, _, _ = strings.Cut(table, "\n\n")
		for _, cell := range all(table, `(?m)^\| ([^|]*) \|`) {
			quoted = append(quoted, all(cell, "`([^`]+)`")...)
		}
	} else {
		t.Error("the README has no table of troubles")
	}
	code := messages(t)
	n := 0
	for _, message := range quoted {
		for _, piece := range pieces(message) {
			n++
			if !code.by(piece) && !slices.ContainsFunc(sshSays, func(s string) bool { return strings.Contains(piece, s) || strings.Contains(s, piece) }) {
				t.Errorf("nothing says %q, of %q", piece, message)
			}
		}
	}
	if n < 20 {
		t.Errorf("got %d pieces of messages, want more", n)
	}
	t.Run("ssh", func(t *testing.T) {
		program, err := exec.LookPath("ssh")
		if err != nil {
			t.Skip("skipping, there is no ssh")
		}
		text, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sshSays {
			if !strings.Contains(string(text), s) {
				t.Errorf("%s does not say %q", program, s)
			}
		}
	})
}

// diagnostics returns the messages that the manual quotes.
func diagnostics(t *testing.T) (quoted []string) {
	t.Helper()
	text := section(t, commandPage, "DIAGNOSTICS")
	for _, line := range all(text, `(?m)^\.It Li (".*)$`) {
		quoted = append(quoted, all(line, `"([^"]*)"`)...)
	}
	if len(quoted) < 15 {
		t.Fatalf("got %d messages in the manual: %q", len(quoted), quoted)
	}
	return append(quoted, all(text, `(?m)^\.Dq (.*?)(?: [.,;]|\\&)?$`)...)
}

// TestNotesInManual finds what is said about a config that is read, but hardly means what
// its owner thinks, in the manual's DIAGNOSTICS. Such a note is all that tells of it.
func TestNotesInManual(t *testing.T) {
	inner := []string{ // what stands within other messages
		"%s takes the stanza of that name: write %[1]s:STANZA", "the %q of the Match that includes this file", "the hosts of a pattern",
		"a token seen on the way to one opens the other, so give each a key of its own", " serves another host too",
	}
	manual := strings.Join(diagnostics(t), "\n")
	n := 0
	for _, file := range []string{"advice.go", "alias.go", "keyfile.go"} {
		for _, line := range strings.Split(document(t, "config/"+file), "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "//") {
				continue
			}
			for _, message := range all(line, `"((?:[^"\\]|\\.)*)"`) {
				words := strings.Fields(strings.TrimLeft(longEnough(message), ": "))
				if len(words) == 0 || slices.Contains(inner, message) {
					continue
				}
				n++
				if !strings.Contains(manual, strings.Join(words[:4], " ")) {
					t.Errorf("%s: the manual lacks %q", file, message)
				}
			}
		}
	}
	if n < 12 {
		t.Errorf("got %d messages, want more", n)
	}
}

// longEnough is the first part of a message, between verbs, that has four words.
func longEnough(message string) string {
	for _, part := range verb.Split(message, -1) {
		if len(strings.Fields(part)) >= 4 {
			return part
		}
	}
	return ""
}

// pieces are the parts of a message that it always has: what is left without numbers,
// names, what the system says, and what an ellipsis leaves out. A part of less than three words is none.
func pieces(message string) (parts []string) {
	const varies = `no route to host|\.\.\.|\S*\d\S*|\b(?:tango|romeo)\S*|\(\)|\bexec\b|\bIPv[46]\b`
	for _, part := range regexp.MustCompile(varies).Split(message, -1) {
		if part = strings.Trim(part, " ,;:()"); strings.Count(part, " ") >= 2 {
			parts = append(parts, part)
		}
	}
	return parts
}

// The said are the parts of all strings in the code that stand between its verbs.
type said []string

// by reports whether a piece of a message is in the code, or begins or ends with what is
// there before or behind a verb.
func (s said) by(piece string) bool {
	return slices.ContainsFunc(s, func(part string) bool {
		part = strings.Trim(part, " :,;")
		return strings.Contains(part, piece) || len(part) > 9 && strings.Contains(part, " ") && (strings.HasPrefix(piece, part) || strings.HasSuffix(piece, part))
	})
}

var verb = regexp.MustCompile(`%(?:\[\d\])?[vswqd]`)

// messages reads the code.
func messages(t *testing.T) (parts said) {
	t.Helper()
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (name != "." && strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata" || name == "internal/lab" || name == "internal/e2e"):
			return fs.SkipDir
		case path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		data, err := fs.ReadFile(root, name)
		for _, s := range all(string(data), `("(?:[^"\\\n]|\\.)*")`) {
			parts = append(parts, verb.Split(s[1:len(s)-1], -1)...)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return parts
}
