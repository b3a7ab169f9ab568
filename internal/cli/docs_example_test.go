package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// documents are the files with blocks and commands to copy.
var documents = []string{"README.md", commandPage, configPage, serverPage, "doc/walks.md",
	"examples/ssh_config", "examples/knock_config"}

// TestBlocksDocumented has -G read every block of ssh_config that the documents show.
func TestBlocksDocumented(t *testing.T) {
	texts := map[string]string{"usage": usage}
	for _, name := range documents {
		texts[name] = document(t, name)
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			blocks := blocksOf(text)
			if len(blocks) == 0 && name != serverPage {
				t.Fatal("there is no block")
			}
			for _, block := range blocks {
				explainBlock(t, block)
			}
		})
	}
	for _, name := range []string{"examples/ssh_config", "examples/knock_config"} {
		t.Run("whole "+name, func(t *testing.T) {
			for _, host := range all(document(t, name), `(?m)^Host (\S+)`) {
				shown(t, document(t, name), host)
			}
		})
	}
}

// blocksOf finds the blocks of a text: a Host line and the lines below it that are
// indented further.
func blocksOf(text string) (blocks []string) {
	lines := strings.Split(text, "\n")
	indent := func(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
	for i, line := range lines {
		if !strings.HasPrefix(strings.TrimLeft(line, " "), "Host ") {
			continue
		}
		end := i + 1
		for end < len(lines) && indent(lines[end]) > indent(line) {
			end++
		}
		if end > i+1 {
			blocks = append(blocks, strings.Join(lines[i:end], "\n")+"\n")
		}
	}
	return blocks
}

// explainBlock reads a block for the host it is for, and finds the knock in it.
func explainBlock(t *testing.T, block string) {
	t.Helper()
	host := strings.ReplaceAll(strings.Fields(block)[1], "*", "other")
	text := shown(t, block, host)
	knocks := strings.Contains(block, "Knock ") || strings.Contains(block, "Knock: ")
	if found := !strings.Contains(text, "knock none # default\n"); found != knocks {
		t.Errorf("a knock is found: got %v, want %v:\n%s%s", found, knocks, block, text)
	}
}

// shown is what -G prints of a host. It has nothing to warn of.
func shown(t *testing.T, config, host string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := parseOptions([]string{"-f", path, "-G", host})
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var warnings strings.Builder
	err = o.mode.run(o, Process{Env: os.Environ, Getenv: os.Getenv, Stdout: out}, &reporter{stderr: &warnings})
	if err != nil || warnings.Len() > 0 {
		t.Errorf("%v: %s\n%s", err, &warnings, config)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCommandsDocumented parses every command line of knockpipe that the documents
// show: in a block, or between backquotes.
func TestCommandsDocumented(t *testing.T) {
	const command = "(?m)(?:^ +(?:\\$ )?|^\\.Dl (?:\\$ )?|`|ProxyCommand |\")knockpipe( [^`\"'|>\\n]*)"
	for _, name := range documents {
		t.Run(name, func(t *testing.T) {
			n := 0
			for _, line := range all(document(t, name), command) {
				line = strings.NewReplacer(`\-`, "-", "%n", "tango", "%h", "tango.example.org", "%p", "22").Replace(line)
				if strings.Contains(line, "[") { // the usage itself
					continue
				}
				if n++; len(strings.Fields(line)) == 0 {
					continue
				}
				if _, err := parseOptions(strings.Fields(line)); err != nil {
					t.Errorf("knockpipe%s: %v", line, err)
				}
			}
			if n == 0 {
				t.Error("there is no command")
			}
		})
	}
}
