package cli

import (
	"fmt"
	"io"
	"os/user"
	"path/filepath"
	"strings"

	"knockpipe/internal/file"
	"knockpipe/internal/rules"
	"knockpipe/knock/token"
)

// runKeygen is -keygen: it makes a key file, and prints the line for ssh's config.
func runKeygen(o *options, process Process, report *reporter) error {
	var carriers []token.Carrier
	for i, text := range o.carriers {
		c, err := token.ParseCarrier(text)
		if err != nil {
			return &failure{code: exitUsage, err: fmt.Errorf("-keygen: carrier %d of %d: %w", i+1, len(o.carriers), err)}
		}
		carriers = append(carriers, c)
	}
	path := o.files[0]
	name, err := rules.KeyName(path)
	if err == nil {
		err = token.Write(path, carriers)
	}
	if err != nil {
		return &failure{code: exitUsage, err: fmt.Errorf("-keygen: %w", err)}
	}
	if _, err := io.WriteString(process.Stdout, knockLine(path)); err != nil {
		return networkFailure("stdout", file.WithoutPath(err))
	}
	report.tell(true, fmt.Sprintf("the server needs the same file, as /etc/knockpipe/%s.key", name))
	return nil
}

// knockLine is the line for a block of ssh_config. A path in the home directory begins
// with "~", because the config may be copied to another machine.
func knockLine(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	path = filepath.ToSlash(path)
	if u, err := user.Current(); err == nil {
		if rest, ok := strings.CutPrefix(path, filepath.ToSlash(filepath.Clean(u.HomeDir))+"/"); ok {
			path = "~/" + rest
		}
	}
	word := "token:" + path
	if strings.ContainsAny(word, " \t'\"\\") {
		word = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
	}
	return "# Knock: " + word + "\n"
}
