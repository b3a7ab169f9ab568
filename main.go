// Knockpipe is an OpenSSH ProxyCommand. It knocks on a host's closed door and then relays
// between ssh and the one connection that the door lets in.
package main

import (
	"os"

	"knockpipe/internal/cli"
)

// version is set by release builds.
var version string

func main() {
	os.Exit(cli.Run(cli.Process{
		Args: os.Args[1:], Env: os.Environ, Getenv: os.Getenv,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Version: version,
	}))
}
