package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInclude has the user's ~/.ssh/config and what it includes. "~" in a file
// stands for the home folder of the test.
func TestInclude(t *testing.T) {
	const knock = "# Knock: 1\n"
	tests := []struct {
		name, config string
		files        map[string]string
		want         string
	}{
		// nothing is included, and that is no error
		{"missing", "Include missing\n", nil, ""},
		{"no match", "Include missing*\n", nil, ""},
		{"folder", "Include dir\n", map[string]string{"dir/a": knock}, ""},
		{"folder by pattern", "Include d*\n", map[string]string{"dir/a": knock}, ""},
		{"open bracket", "Include bad[\n", nil, ""},
		{"no value", "Include\n# Knock: 2\n", nil, "2"},
		{"unbalanced quote", "Include \"a\n# Knock: 2\n", map[string]string{"a": knock}, "2"},
		{"user that does not exist", "Include ~nobodyhere/a\n", nil, ""},
		{"hidden file", "Include d/*\n", map[string]string{"d/.a": knock}, ""},
		{"block that does not apply", "Host db\nInclude a\n", map[string]string{"a": knock}, ""},
		{"block that applies in one that does not", "Host db\nInclude a\n", map[string]string{"a": "Host web\n" + knock}, ""},
		{"block of the file in one that applies", "Host web\nInclude a\n", map[string]string{"a": "Host db\n" + knock}, ""},
		{"errors where it does not apply", "Host db\nInclude a\nHost *\n# Knock: 2\n", map[string]string{"a": "Bogus \"\nMatch bogus x\n# Knock: 1 x\n"}, "2"},
		{"after a '#'", "Include b # a\n", map[string]string{"a": knock}, ""},

		{"bracket that is never closed", "Include bad[\n", map[string]string{"bad[": knock}, "1"},
		{"relative", "Include a\n", map[string]string{"a": knock}, "1"},
		{"home", "Include ~/.ssh/a\n", map[string]string{"a": knock}, "1"},
		{"absolute", "Include HOME/.ssh/a\n", map[string]string{"a": knock}, "1"},
		{"Include=a", "Include=a\n", map[string]string{"a": knock}, "1"},
		{"quoted", "Include \"a\"\n", map[string]string{"a": knock}, "1"},
		{"quoted blank", "Include 'a b'\n", map[string]string{"a b": knock}, "1"},
		{"escaped blank", "Include a\\ b\n", map[string]string{"a b": knock}, "1"},
		{"two by tab", "Include a\tb\n", map[string]string{"b": knock}, "1"},
		{"comment", "Include a # b\n", map[string]string{"a": knock, "b": "# Knock: 2\n"}, "1"},
		{"trailing blank", "Include a \n", map[string]string{"a": knock}, "1"},
		{"CRLF", "Include a\r\n", map[string]string{"a": "# Knock: 1\r\n"}, "1"},
		{"order of names", "Include d/*\n", map[string]string{"d/b": "# Knock: 2\n", "d/a": knock}, "1"},
		{"order of words", "Include d/b d/a\n", map[string]string{"d/b": "# Knock: 2\n", "d/a": knock}, "2"},
		{"upper case comes first", "Include d/*\n", map[string]string{"d/B": "# Knock: 2\n", "d/a": knock}, "2"},
		{"set", "Include d/[!a]*\n", map[string]string{"d/b": "# Knock: 2\n", "d/a": knock}, "2"},
		{"escaped bracket", `Include x\[1\]` + "\n", map[string]string{"x[1]": knock, "x1": "# Knock: 2\n"}, "1"},
		{"missing and not", "Include missing a\n", map[string]string{"a": knock}, "1"},
		{"relative to ~/.ssh, not to the file", "Include d/a\n", map[string]string{"d/a": "Include b\n", "b": knock, "d/b": "# Knock: 2\n"}, "1"},
		{"block of the file does not leak", "Include a\n# Knock: 2\n", map[string]string{"a": "Host db\n"}, "2"},
		{"twice", "Host db\nInclude a\nHost *\nInclude a\n", map[string]string{"a": knock}, "1"},
		{"in both blocks", "Host web\nInclude a\n", map[string]string{"a": "Host w*\n" + knock}, "1"},
		{"asks for a second reading from where it does not apply", "Host db\nInclude a\nHost *\nHostName h\nHost h\n# Knock: 1\n",
			map[string]string{"a": "Match final\n"}, "1"},
	}
	for _, tt := range tests {
		h := newHome(t, tt.files)
		write(t, h.User, strings.ReplaceAll(tt.config, "HOME", h.dir))
		if got := h.knockOf("web"); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestIncludeDepth includes as deep as ssh does, and in loops.
func TestIncludeDepth(t *testing.T) {
	chain := func(depth int) home {
		files := map[string]string{"config": "Include f1\n"}
		for i := 1; i < depth; i++ {
			files[fmt.Sprintf("f%d", i)] = fmt.Sprintf("Include f%d\n", i+1)
		}
		files[fmt.Sprintf("f%d", depth)] = "# Knock: 1\n"
		return newHome(t, files)
	}
	const tooDeep = "includes nested more than 16 deep: does a file include itself?"
	tests := []struct {
		name string
		home home
		want string
	}{
		{"17 deep", chain(17), "error: ~/.ssh/f16:1: " + tooDeep},
		{"itself", newHome(t, map[string]string{"config": "\nInclude config\n"}), "error: ~/.ssh/config:2: " + tooDeep},
		{"itself by pattern", newHome(t, map[string]string{"config": "Include c*\n"}), "error: ~/.ssh/config:1: " + tooDeep},
		{"each other", newHome(t, map[string]string{"config": "Include a\n", "a": "Include b\n", "b": "Include a\n"}),
			"error: ~/.ssh/b:1: " + tooDeep},
		{"in the side file", newHome(t, map[string]string{"knock_config": "Include knock_config\n"}),
			"error: ~/.ssh/knock_config:1: " + tooDeep},
		{"16 deep", chain(16), "1"},
	}
	for _, tt := range tests {
		if got := tt.home.knockOf("web"); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestIncludeFan has two files that include each other many times: following all of them
// would take too long.
func TestIncludeFan(t *testing.T) {
	fan := "Include" + strings.Repeat(" a", 100) + "\n"
	h := newHome(t, map[string]string{"config": "Host db\n" + fan, "a": "Include" + strings.Repeat(" b", 100) + "\n",
		"b": "Include" + strings.Repeat(" c", 100) + "\n", "c": "# x\n"})
	if got := h.knockOf("web"); !strings.HasSuffix(got, ": more than 10000 included files") {
		t.Errorf("got %v, want an error", got)
	}
	big := strings.Repeat("# x\n", 4<<20)
	h = newHome(t, map[string]string{"config": "Include a a a a a\n", "a": big[:16<<20]})
	if got := h.knockOf("web"); !strings.HasSuffix(got, ": more than 64 MiB of included files") {
		t.Errorf("got %v, want an error", got)
	}
}

// TestIncludeSystem includes from the system's file: relative paths start there, and "~"
// is not expanded.
func TestIncludeSystem(t *testing.T) {
	h := newHome(t, map[string]string{
		"/ssh_config":              "Include ~/.ssh/a\nInclude ssh_config.d/*.conf\n",
		"/ssh_config.d/50-us.conf": "# Knock: 1\n",
		"a":                        "# Knock: 2\n",
		"ssh_config.d/50-us.conf":  "# Knock: 3\n",
	})
	if got := h.knockOf("web"); got != "1" {
		t.Errorf("got %v, want 1", got)
	}
}

// TestIncludeEnv expands the environment, as OpenSSH does since 9.9.
func TestIncludeEnv(t *testing.T) {
	h := newHome(t, map[string]string{"config": "Include ${DIR}/a %d/.ssh/b\n", "a": "# KnockTries: 2\n", "b": "# Knock: 1\n"})
	h.Env = func(name string) string {
		if name == "DIR" {
			return filepath.Join(h.dir, ".ssh")
		}
		return os.DevNull
	}
	s, err := h.Load(query("web", ""))
	if err != nil || s.KnockTries != 2 || s.Knock.String() != "1" {
		t.Errorf("got %+v, %v, want both files to be read", s, err)
	}
}
