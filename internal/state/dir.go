package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"knockpipe/internal/file"
)

// appName is the folder's name in the user's own folders.
const appName = "knockpipe"

var errUnset = errors.New("the user's directories are not known")

// RuntimeDir returns the folder for turns and for open doors, $XDG_RUNTIME_DIR/knockpipe,
// or else the one for memory. It creates it if necessary.
func RuntimeDir(env func(string) string, home string) (string, error) {
	if dir, err := appDir(env("XDG_RUNTIME_DIR")); err == nil {
		return dir, nil
	}
	return StateDir(env, home)
}

// StateDir returns the folder for memory, $XDG_STATE_HOME/knockpipe, which is
// ~/.local/state/knockpipe if that is not set. It creates it if necessary.
func StateDir(env func(string) string, home string) (string, error) {
	parent := env("XDG_STATE_HOME")
	if !filepath.IsAbs(parent) && home != "" { // as the XDG specification has it
		parent = filepath.Join(home, ".local", "state")
	}
	return appDir(parent)
}

// appDir creates knockpipe's directory in another one, unless someone else could put
// files there.
func appDir(parent string) (string, error) {
	if !filepath.IsAbs(parent) {
		return "", errUnset
	}
	dir := filepath.Join(parent, appName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if info, err := os.Stat(parent); err != nil {
		return "", err
	} else if !keeps(info) {
		return "", fmt.Errorf("%s: others can rename files in it", parent)
	}
	info, err := os.Lstat(dir) // not what a link points to
	switch {
	case err != nil:
		return "", err
	case !info.IsDir():
		return "", fmt.Errorf("%s: %w", dir, fs.ErrInvalid)
	case !file.Mine(info) || file.Shared(info)&0o022 != 0:
		return "", fmt.Errorf("%s: others can write to it", dir)
	}
	return dir, nil
}

// keeps reports whether others cannot rename what is in a directory: in one that
// everybody may write to, such as /tmp, only owners may rename their files. The owner of
// the directory does not matter: it may be root, or a user of another namespace.
func keeps(info fs.FileInfo) bool {
	return file.Shared(info)&info.Mode().Perm()&0o002 == 0 || info.Mode()&fs.ModeSticky != 0
}
