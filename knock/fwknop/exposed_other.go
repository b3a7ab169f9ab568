//go:build !unix

package fwknop

import "io/fs"

// exposed always reports false: the permission bits say nothing here.
func exposed(fs.FileInfo) bool { return false }
