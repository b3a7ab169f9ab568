package cli

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"knockpipe/config"
	"knockpipe/internal/rules"
	"knockpipe/knock"
)

// The tests of docs*_test.go hold the program and its documents together: what there
// is is documented everywhere, and what is documented is there.

// document returns a file of the module.
func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// between is the text after one mark and before the next.
func between(t *testing.T, text, from, to string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, from)
	text, _, ended := strings.Cut(rest, to)
	if !found || !ended {
		t.Fatalf("nothing stands between %q and %q", from, to)
	}
	return text
}

// all returns what a pattern's group finds.
func all(text, pattern string) []string {
	var found []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// same compares two sets.
func same(t *testing.T, got, want []string) {
	t.Helper()
	for _, s := range want {
		if !slices.Contains(got, s) {
			t.Errorf("%s is missing", s)
		}
	}
	for _, s := range got {
		if !slices.Contains(want, s) {
			t.Errorf("there is no %s", s)
		}
	}
}

// allFlags are the names that are registered, and whether each takes a value.
func allFlags() map[string]bool {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	new(options).define(set)
	names := map[string]bool{"h": false, "help": false} // package flag's own
	set.VisitAll(func(f *flag.Flag) {
		b, ok := f.Value.(interface{ IsBoolFlag() bool })
		names[f.Name] = !(ok && b.IsBoolFlag())
	})
	delete(names, "vvv") // is -vv, for fingers that are used to it from ssh
	return names
}

// completed are the flags of each shell's completion, and whether each takes a value.
func completed(t *testing.T) map[string]map[string]bool {
	t.Helper()
	bash, zsh, fish := map[string]bool{}, map[string]bool{}, map[string]bool{}
	text := document(t, "completions/knockpipe.bash")
	for _, name := range all(between(t, text, "-W '-4", "'")+" -4", `-(\S+)`) {
		bash[name] = false
	}
	for _, name := range strings.Fields(between(t, text, "case $value in\n", ") ;;")) {
		if name != "|" {
			bash[name] = true
		}
	}
	for line := range strings.Lines(between(t, document(t, "completions/_knockpipe"), `_arguments -S -A '-*' \`, "'1:host")) {
		line = regexp.MustCompile(`\([^)]*\)`).ReplaceAllString(line, "") // what it excludes
		names, rest, _ := strings.Cut(line, "[")
		for _, name := range all(names, `-([\w-]+)`) {
			zsh[name] = strings.Contains(rest, "]:")
		}
	}
	text = document(t, "completions/knockpipe.fish")
	for line := range strings.Lines(text) {
		if line, ok := strings.CutPrefix(line, "complete -c knockpipe -n '__knockpipe_at flag' "); ok {
			for _, name := range all(line, `-o (\S+)`) {
				fish[name] = strings.Contains(line, " -r ") || strings.Contains(line, " -x ")
			}
		}
	}
	skipped := strings.Split(between(t, text, "case -{", "}"), ",") // for which the next word is a value
	same(t, append(skipped, "once"), slices.Collect(func(yield func(string) bool) {
		for name, value := range fish {
			if value && !yield(name) {
				return
			}
		}
	}))
	return map[string]map[string]bool{"bash": bash, "zsh": zsh, "fish": fish}
}

// The manual, by what its pages are for.
const (
	commandPage = "doc/knockpipe.1"
	configPage  = "doc/knock_config.5"
	serverPage  = "doc/knockpipe-server.7"
)

var manual = []string{commandPage, configPage, serverPage}

// section is a section of a page of the manual.
func section(t *testing.T, page, title string) string {
	t.Helper()
	return between(t, document(t, page)+"\n.Sh end", "\n.Sh "+title+"\n", "\n.Sh ")
}

// items are the first words of the items of a list, each name of several.
func items(text, macro string) (names []string) {
	for _, line := range all(text, `(?m)^\.It (`+macro+` .*)$`) {
		for name := range strings.SplitSeq(line, " , ") {
			names = append(names, strings.Fields(strings.TrimPrefix(name, macro+" "))[0])
		}
	}
	return names
}

// sameOnce compares two sets, of which the first says nothing twice.
func sameOnce(t *testing.T, got, want []string) {
	t.Helper()
	same(t, got, want)
	for i, s := range got {
		if slices.Contains(got[:i], s) {
			t.Errorf("%s stands there twice", s)
		}
	}
}

// TestFlagsDocumented finds each option in the usage, the manual and the completions,
// with an entry of its own in the manual. No page names another option.
func TestFlagsDocumented(t *testing.T) {
	flags := allFlags()
	want := slices.Sorted(maps.Keys(flags))
	t.Run("usage", func(t *testing.T) {
		same(t, all(usage, `(?:^|[\s(:`+"`"+`])-([A-Za-z0-9][\w-]*)`), want)
	})
	t.Run("manual", func(t *testing.T) {
		var got []string
		for _, line := range all(section(t, commandPage, "DESCRIPTION"), `(?m)^\.It (Fl .*)$`) {
			got = append(got, all(line, `Fl ([\w-]+)`)...)
		}
		sameOnce(t, append(got, "vv"), want)
	})
	for _, page := range manual {
		t.Run(page, func(t *testing.T) {
			for line := range strings.Lines(document(t, page)) {
				if line[0] == '.' {
					for _, name := range all(line, `Fl (?:\\&)?([A-Za-z0-9][\w-]*)`) {
						if !slices.Contains(want, name) {
							t.Errorf("there is no -%s", name)
						}
					}
				}
			}
		})
	}
	for shell, got := range completed(t) {
		t.Run(shell, func(t *testing.T) {
			same(t, slices.Collect(maps.Keys(got)), want)
			for name, value := range got {
				if value != flags[name] {
					t.Errorf("-%s takes a value: got %v, want %v", name, value, flags[name])
				}
			}
		})
	}
}

// TestKeywordsDocumented finds each keyword in the usage and the manual, with an entry
// of its own there. No document names another one.
func TestKeywordsDocumented(t *testing.T) {
	var ours, settings []string
	blocks := []string{"Host", "Match", "Include", "IgnoreUnknown", "CanonicalizeHostname"}
	for _, name := range config.Keywords() {
		if strings.HasPrefix(name, "Knock") {
			ours = append(ours, name)
		}
		if !slices.Contains(blocks, name) {
			settings = append(settings, name)
		}
	}
	const ourName = `\b(Knock(?:[A-Z][a-z]+)*)\b`
	same(t, all(usage, ourName), ours)
	for _, name := range documents {
		t.Run(name, func(t *testing.T) {
			same(t, append(all(document(t, name), ourName), ours...), ours) // it need not have all
		})
	}
	t.Run("items of the manual", func(t *testing.T) {
		sameOnce(t, items(section(t, configPage, "KEYWORDS"), "Cm"), settings)
		for _, name := range blocks {
			if !strings.Contains(document(t, configPage), name) {
				t.Errorf("%s is missing", name)
			}
		}
	})
}

// TestStepsDocumented reads every step that the usage and the manual show, and finds
// each kind of step and each option in them.
func TestStepsDocumented(t *testing.T) {
	want := append(kindsOfKnocks(t), "text", "hex", "size", "connect")
	manual := section(t, configPage, "STEPS")
	const step = `\b((?:tcp|udp|icmp|pause|fwknop|once|token|exec)[:,][^\s;)` + "`" + `]+)`
	for name, steps := range map[string][]string{
		"usage":  append(all(usage, step), "udp:1,hex=0a0b", "udp:1,size=64"), // "(hex=0a0b, size=64)"
		"manual": append(items(manual, "Cm"), strings.Fields(between(t, manual, ".Dl ", "\n"))...),
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, text := range steps {
				text = strings.TrimRight(text, ",.")
				words := []string{text}
				if strings.HasPrefix(text, "pause:") { // which is no sequence by itself
					words = append(words, "1")
				}
				seq, err := knock.Parse(words)
				if err != nil {
					t.Errorf("%s: %v", text, err)
					continue
				}
				for _, s := range seq {
					if name := s.Kind(); name == "tcp" || strings.Contains(text, name) {
						got = append(got, name)
					}
				}
				got = append(got, all(text, `,(text|hex|size|connect)\b`)...)
			}
			same(t, got, want)
		})
	}
	sameOnce(t, items(manual, "Cm"), items(manual, "Cm"))
	for _, option := range []string{"hex=0a0b", "size=64"} {
		if !strings.Contains(usage, option) {
			t.Errorf("the usage lacks %s", option)
		}
	}
}

// kindsOfKnocks are those that the parser itself names.
func kindsOfKnocks(t *testing.T) []string {
	t.Helper()
	_, err := knock.Parse([]string{"1:2"})
	_, list, found := strings.Cut(fmt.Sprint(err), "unknown protocol: ")
	if !found {
		t.Fatalf("the parser does not say which kinds there are: %v", err)
	}
	return strings.FieldsFunc(strings.Replace(list, " or ", ", ", 1), func(r rune) bool { return r == ',' || r == ' ' })
}

// TestFormatsDocumented finds the formats of -rules, and no others.
func TestFormatsDocumented(t *testing.T) {
	bash, fish := document(t, "completions/knockpipe.bash"), document(t, "completions/knockpipe.fish")
	for name, got := range map[string][]string{
		"usage":         all(between(t, usage, "FORMAT is one of", "\n  -s"), `(\w{3,})`),
		"command":       all(between(t, section(t, commandPage, "MODES"), "describes each\n.Ar format :", "\nSeveral"), `(?m)^\.Cm (\w+)`),
		"items, server": items(section(t, serverPage, "FORMATS"), "Cm"),
		"bash":          strings.Fields(between(t, bash, `rules) _knockpipe_from "$cur" -W '`, "'")),
		"zsh":           strings.Fields(between(t, document(t, "completions/_knockpipe"), ":format:(", ")")),
		"fish":          strings.Fields(between(t, fish, "-o rules -x -a '", "'")),
	} {
		t.Run(name, func(t *testing.T) { sameOnce(t, got, rules.Formats()) })
	}
}

// TestExitCodesDocumented compares what is said of the exit codes with what happens.
func TestExitCodesDocumented(t *testing.T) {
	var want []string
	for code, args := range [][]string{
		0:           {"-V"},
		exitNetwork: {"-f", "none", "-w", "0.1", "127.0.0.1", "1", "1"},
		exitUsage:   {"-no-such-flag"},
	} {
		null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer null.Close()
		env := map[string]string{"XDG_STATE_HOME": t.TempDir(), "XDG_RUNTIME_DIR": t.TempDir()}
		got := Run(Process{Args: args, Env: os.Environ, Getenv: func(name string) string { return env[name] }, Stdin: null, Stdout: null, Stderr: null})
		if got != code {
			t.Errorf("knockpipe %s: exit %d, want %d", strings.Join(args, " "), got, code)
		}
		want = append(want, fmt.Sprint(code))
	}
	for name, got := range map[string][]string{
		"usage":  all(between(t, usage, "\nExit: ", ".\n"), `(\d) `),
		"manual": all(section(t, commandPage, "EXIT STATUS"), `\.It (\d)`),
	} {
		t.Run(name, func(t *testing.T) { same(t, got, want) })
	}
}
