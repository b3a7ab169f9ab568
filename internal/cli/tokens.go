package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"knockpipe/internal/file"
	"knockpipe/internal/rules"
	"knockpipe/knock/token"
)

// defaultSupply is how long the tokens that -tokens prints last.
const defaultSupply = 24 * time.Hour

// runTokens is -tokens: it prints the next tokens of each key, for nft. It shows them on
// purpose.
func runTokens(o *options, process Process, _ *reporter) error {
	// All keys are read before anything is printed: a script that is half there would
	// load half of them.
	supplies, err := readSupplies(o.files)
	if err != nil {
		return &failure{code: exitUsage, err: fmt.Errorf("-tokens: %w", err)}
	}
	now := time.Now()
	if err := token.CheckClock(now); err != nil {
		return &failure{code: exitNetwork, err: fmt.Errorf("-tokens: %w", err), hint: "set the clock"}
	}
	if os.Geteuid() == 0 {
		dir := process.Getenv("STATE_DIRECTORY") // by systemd
		if dir == "" {
			dir = "/var/lib/knockpipe"
		}
		if now, err = keepLastRun(dir, now); err != nil {
			return err
		}
	}
	for _, s := range supplies {
		s.Now, s.For, s.Fresh = now, o.supply, o.fresh
		if s.For == 0 {
			s.For = defaultSupply
		}
		if err := s.Write(process.Stdout); err != nil {
			return networkFailure("stdout", file.WithoutPath(err))
		}
	}
	return nil
}

// readSupplies reads key files. Each key has a table of its own, so no two may have the
// same name.
func readSupplies(paths []string) ([]*rules.Supply, error) {
	var supplies []*rules.Supply
	for _, path := range paths {
		name, err := rules.KeyName(path)
		if err != nil {
			return nil, err
		}
		for i, s := range supplies {
			if s.Name == name {
				return nil, fmt.Errorf("%s and %s: both would get the table %s%s", paths[i], path, rules.KeyTable, name)
			}
		}
		key, err := token.Read(path)
		if err != nil {
			return nil, err
		}
		supplies = append(supplies, &rules.Supply{Name: name, Key: key})
	}
	return supplies, nil
}

// backwards is how far the clock may be behind the last run, because clocks are corrected
// in small steps now and then.
const backwards = 2 * time.Minute

// keepLastRun stores the time of this run in a directory and returns the time at which
// the supply begins, which is never before the last run: otherwise, used tokens would
// come back after a boot with a clock that is behind. It refuses a clock that is far
// behind.
func keepLastRun(dir string, now time.Time) (time.Time, error) {
	path := filepath.Join(dir, "last-run")
	wrong := func(err error, hint string) (time.Time, error) {
		return now, &failure{code: exitNetwork, err: fmt.Errorf("-tokens: %s: %w", path, file.WithoutPath(err)), hint: hint}
	}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return wrong(err, "")
	default:
		const remove = "if the clock is right, remove that file"
		seconds, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil {
			return wrong(errors.New("it does not hold the time of the last run"), remove)
		}
		last := time.Unix(seconds, 0)
		if now.Before(last.Add(-backwards)) {
			return wrong(fmt.Errorf("the clock says %s, but the last run was at %s", utc(now), utc(last)), "set the clock; "+remove)
		}
		if now.Before(last) {
			now = last
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return wrong(err, "")
	}
	if err := replace(path, strconv.FormatInt(now.Unix(), 10)+"\n"); err != nil {
		return wrong(err, "without the time of the last run, a clock that is behind would not be noticed")
	}
	return now, nil
}

func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

// replace replaces a file atomically.
func replace(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // if it is not renamed
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
