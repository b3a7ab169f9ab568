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

// TestFlagsDocumented finds each flag in the usage, the manual, the README and the
// completions.
func TestFlagsDocumented(t *testing.T) {
	flags := allFlags()
	want := slices.Sorted(maps.Keys(flags))
	const dashed = `(?:^|[\s(:` + "`" + `])-([A-Za-z0-9][\w-]*)`
	var manual []string
	for line := range strings.Lines(document(t, "doc/knockpipe.1")) {
		if line[0] == '.' {
			manual = append(manual, all(line, `Fl (?:\\&)?([A-Za-z0-9][\w-]*)`)...)
		}
	}
	for name, got := range map[string][]string{
		"usage":  all(usage, dashed),
		"manual": manual,
		"README": all(between(t, document(t, "README.md"), "| flag | meaning |", "\n\n"), dashed),
	} {
		t.Run(name, func(t *testing.T) { same(t, got, want) })
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
	// Each has an entry of its own, with its twin, in the manual and the README.
	items := strings.Join(all(document(t, "doc/knockpipe.1"), `(?m)^(\.It Fl .*)$`), "\n")
	same(t, append(all(items, `Fl ([\w-]+)`), "vv"), want)
}

// TestKeywordsDocumented finds each keyword in the usage, the manual and the README.
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
	manual := between(t, document(t, "doc/knockpipe.1"), ".Sh CONFIGURATION", ".Sh MODES")
	readme := document(t, "README.md")
	const ourName = `\b(Knock(?:[A-Z][a-z]+)*)\b`
	for name, text := range map[string]string{"usage": usage, "manual": manual, "README": readme,
		"ssh_config": document(t, "examples/ssh_config"), "knock_config": document(t, "examples/knock_config")} {
		t.Run(name, func(t *testing.T) {
			got := all(text, ourName)
			if strings.HasSuffix(name, "_config") { // examples need not have all
				got = append(got, ours...)
			}
			same(t, got, ours)
		})
	}
	t.Run("items of the manual", func(t *testing.T) {
		var got []string
		for _, item := range all(manual, `(?m)^\.It Cm (.*)$`) {
			got = append(got, strings.Split(item, " , ")...)
		}
		same(t, got, settings)
		for _, name := range blocks {
			if !strings.Contains(manual, name) {
				t.Errorf("%s is missing", name)
			}
		}
	})
	t.Run("table of the README", func(t *testing.T) {
		table := between(t, readme, "| keyword | meaning |", "\n\n")
		got := all(strings.Join(all(table, `(?m)^\| ([^|]*) \|`), " "), "`([^`]+)`")
		same(t, got, slices.Concat(ours, []string{"AddressFamily", "BindAddress", "BindInterface", "ConnectTimeout"}))
	})
}

// TestStepsDocumented reads every step that the documents show, and finds each kind
// of step and each option in them.
func TestStepsDocumented(t *testing.T) {
	want := append(kindsOfKnocks(t), "text", "hex", "size", "connect")
	readme := document(t, "README.md")
	manual := between(t, document(t, "doc/knockpipe.1"), ".Sh KNOCKS", ".Sh CONFIGURATION")
	const step = `\b((?:tcp|udp|icmp|pause|fwknop|once|token|exec)[:,][^\s;)` + "`" + `]+)`
	for name, steps := range map[string][]string{
		"usage": append(all(usage, step), "udp:1,hex=0a0b", "udp:1,size=64"), // "(hex=0a0b, size=64)"
		"README": append(all(strings.Join(all(between(t, readme, "| step | what is sent |", "\n\n"), `(?m)^\| ([^|]*) \|`), " "), "`([^`]+)`"),
			strings.Fields(between(t, readme, "in any spelling in use:\n", "\nA TCP knock"))...),
		"manual": append(all(manual, `(?m)^\.It Cm (\S+)`), strings.Fields(between(t, manual, ".Dl ", "\n"))...),
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, text := range steps {
				text = strings.TrimRight(text, ",.")
				words := []string{text}
				if strings.HasPrefix(text, "pause:") { // not alone
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
	readme, manual := document(t, "README.md"), document(t, "doc/knockpipe.1")
	bash, fish := document(t, "completions/knockpipe.bash"), document(t, "completions/knockpipe.fish")
	for name, got := range map[string][]string{
		"usage":              all(between(t, usage, "FORMAT is one\n", "\n  -s"), `(\w{3,})`),
		"README":             all(between(t, readme, "| `-rules FORMAT` | print the server's side of the knock:", "."), "`(\\w+)`"),
		"README, the server": all(between(t, readme, "| format | what it is for", "\n\n"), "(?m)^\\| `(\\w+)`"),
		"manual":             all(between(t, manual, "The formats are:", "\n.El"), `\.It Cm (\w+)`),
		"bash":               strings.Fields(between(t, bash, `rules) _knockpipe_from "$cur" -W '`, "'")),
		"zsh":                strings.Fields(between(t, document(t, "completions/_knockpipe"), ":format:(", ")")),
		"fish":               strings.Fields(between(t, fish, "-o rules -x -a '", "'")),
	} {
		t.Run(name, func(t *testing.T) { same(t, got, rules.Formats()) })
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
		"README": all(document(t, "README.md"), `(?m)^\| (\d) \|`),
		"manual": all(between(t, document(t, "doc/knockpipe.1"), ".Sh EXIT STATUS", ".Sh EXAMPLES"), `\.It (\d)`),
	} {
		t.Run(name, func(t *testing.T) { same(t, got, want) })
	}
}
