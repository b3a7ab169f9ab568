package config_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"knockpipe/config"
)

// The knock of a host stands in a comment of its block. What is shown says where it
// comes from, but not what it is.
func ExampleSources_Load() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	text := `Host tango
    HostName %h.example.org
    # Knock: 45123 12876 33210 7419

Host *
    # KnockTimeout: 20
`
	path := filepath.Join(dir, "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		log.Fatal(err)
	}
	settings, err := config.Sources{User: path}.Load(config.Query{Name: "tango"})
	if err != nil {
		log.Fatal(err)
	}
	from := settings.Origin("Knock")
	fmt.Println(settings.HostName)
	fmt.Printf("%d knocks, of line %d of %s\n", len(settings.Knock), from.Line, filepath.Base(from.File))
	fmt.Printf("at most %v, of line %d\n", settings.KnockTimeout, settings.Origin("KnockTimeout").Line)
	// Output:
	// tango.example.org
	// 4 knocks, of line 3 of config
	// at most 20s, of line 6
}

// A comment above its Host line belongs to the block before. A note says so.
func ExampleSources_Load_note() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "config")
	if err := os.WriteFile(path, []byte("# Knock: 45123 12876\nHost tango\n"), 0o600); err != nil {
		log.Fatal(err)
	}
	settings, err := config.Sources{User: path}.Load(config.Query{Name: "tango"})
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range settings.Notes {
		fmt.Printf("line %d: %s\n", n.Origin.Line, n.Text)
	}
	// Output:
	// line 1: the knock is above Host tango, not below it, so it applies to every host
}
