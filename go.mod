module knockpipe

// golang.org/x/crypto and x/sys, which are mended in their newest versions only, ask
// for it; so does errors.AsType.
go 1.26.0

require (
	github.com/kevinburke/ssh_config v1.6.0
	github.com/rogpeppe/go-internal v1.16.0
	golang.org/x/crypto v0.58.0
	golang.org/x/sys v0.49.0
)

require golang.org/x/tools v0.26.0 // indirect
