package state

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestDirs(t *testing.T) {
	home := t.TempDir()
	for _, tt := range []struct {
		name    string
		env     map[string]string
		home    string
		prepare func(dir string) // what is there already
		runtime string           // under home; "" for none
	}{
		{"no home", nil, "", nil, ""},
		{"relative", map[string]string{"XDG_RUNTIME_DIR": "run", "XDG_STATE_HOME": "state"}, "", nil, ""},
		{"others may write", map[string]string{"XDG_STATE_HOME": "/open"}, "", func(dir string) {
			os.MkdirAll(filepath.Join(dir, "open", appName), 0o700)
			os.Chmod(filepath.Join(dir, "open", appName), 0o777)
		}, ""},
		{"others may rename", map[string]string{"XDG_STATE_HOME": "/renamed"}, "", func(dir string) {
			os.MkdirAll(filepath.Join(dir, "renamed"), 0o700)
			os.Chmod(filepath.Join(dir, "renamed"), 0o777)
		}, ""},
		{"another's", map[string]string{"XDG_STATE_HOME": "/another"}, "", func(dir string) {
			another := filepath.Join(dir, "another", appName)
			os.MkdirAll(another, 0o700)
			if err := os.Chown(another, 12345, -1); err != nil { // only root may, and others are kept out anyway
				os.Remove(another)
				os.WriteFile(another, nil, 0o600)
			}
		}, ""},
		{"as in /tmp", map[string]string{"XDG_STATE_HOME": "/tmp"}, "", func(dir string) {
			os.MkdirAll(filepath.Join(dir, "tmp"), 0o700)
			os.Chmod(filepath.Join(dir, "tmp"), 0o777|os.ModeSticky)
		}, "tmp/knockpipe"},
		{"a link", map[string]string{"XDG_STATE_HOME": "/link"}, "", func(dir string) {
			os.MkdirAll(filepath.Join(dir, "link"), 0o700)
			os.Symlink("/tmp", filepath.Join(dir, "link", appName))
		}, ""},
		{"a file", map[string]string{"XDG_STATE_HOME": "/file"}, "", func(dir string) {
			os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)
		}, ""},
		{"runtime", map[string]string{"XDG_RUNTIME_DIR": "/run", "XDG_STATE_HOME": "/state"}, "", nil, "run/knockpipe"},
		{"state", map[string]string{"XDG_STATE_HOME": "/state"}, "", nil, "state/knockpipe"},
		{"home", nil, home, nil, ".local/state/knockpipe"},
	} {
		if runtime.GOOS == "windows" && tt.prepare != nil {
			continue
		}
		if tt.prepare != nil {
			tt.prepare(home)
		}
		env := func(name string) string {
			if v := tt.env[name]; filepath.IsAbs(v) {
				return filepath.Join(home, v)
			} else {
				return v
			}
		}
		want := ""
		if tt.runtime != "" {
			want = filepath.Join(home, tt.runtime)
		}
		got, err := RuntimeDir(env, tt.home)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, want)
		}
		if info, err := os.Stat(want); want != "" && (err != nil || info.Mode().Perm() != 0o700 && runtime.GOOS != "windows") {
			t.Errorf("%s: got %v, %v, want mode 0700", tt.name, info, err)
		}
	}
}
