package config_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	seed = flag.Uint64("seed", 0, "replay the random configs of this seed; 0 takes a new one")
	only = flag.Int64("config", -1, "replay the random config of this number alone")
)

// TestSSH asks ssh -G and knockpipe the same of random configs. What ssh takes
// for the Port must be the number in the Knock that stands beside it: this is
// what keeps people from being locked out.
func TestSSH(t *testing.T) {
	me := needSSH(t)
	count := int64(3000)
	if testing.Short() {
		count = 300
	}
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("seed %d", *seed)
	dir, err := filepath.EvalSymlinks(fastDir(t))
	if err != nil {
		t.Fatal(err)
	}
	var next, refused, wrong atomic.Int64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for n := next.Add(1) - 1; n < count && wrong.Load() < 3; n = next.Add(1) - 1 {
				if *only >= 0 && n != *only {
					continue
				}
				tree := newTree(*seed, uint64(n), filepath.Join(dir, fmt.Sprint(n)), me.Username, formsOf(me, dir, n))
				switch diff := tree.compare(t, me); diff {
				case "":
				case errRefused:
					refused.Add(1)
				default:
					wrong.Add(1)
					tree.shrink(t, me)
					t.Errorf("-seed %d -config %d: %s\nssh and knockpipe disagree: %s", *seed, n, tree, tree.compare(t, me))
				}
				os.RemoveAll(tree.dir)
			}
		})
	}
	wait.Wait()
	t.Logf("ssh refused %d of %d configs", refused.Load(), count)
	if refused.Load() > count/5 {
		t.Errorf("ssh refused %d of %d configs: the generator is to be mended", refused.Load(), count)
	}
}

// fastDir is a folder in memory where the system has such: the making of thirty
// thousand small files on a disk takes as long as all that ssh does with them.
func fastDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "knockpipe")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// formsOf says how an Include can name the folder of a config. ssh takes the home
// folder from the user database, so another one cannot be set up for it. But ".."
// leads out of the real one, where it exists.
func formsOf(me *user.User, dir string, n int64) pathForms {
	forms := pathForms{me: me.Username, dir: filepath.Join(dir, fmt.Sprint(n))}
	from := func(folder string) string {
		real, err := filepath.EvalSymlinks(folder)
		if err != nil {
			return ""
		}
		path, err := filepath.Rel(real, forms.dir)
		if err != nil {
			return ""
		}
		return path
	}
	forms.home, forms.ssh = from(me.HomeDir), from(filepath.Join(me.HomeDir, ".ssh"))
	return forms
}
