package main

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// identify finds the version and the time: in the environment, else in git.
func (r *release) identify(env func(string) string) error {
	r.version = env("VERSION")
	if r.version == "" {
		var err error
		if r.version, err = r.git("describe", "--tags", "--always", "--dirty"); err != nil {
			return fmt.Errorf("no VERSION, and no version from git: %w", err)
		}
	}
	if _, err := upstreamVersion(r.version); err != nil {
		return err
	}
	epoch := env("SOURCE_DATE_EPOCH")
	if epoch == "" {
		var err error
		if epoch, err = r.git("log", "-1", "--format=%ct"); err != nil {
			return fmt.Errorf("no SOURCE_DATE_EPOCH, and no time from git: %w", err)
		}
	}
	seconds, err := strconv.ParseUint(epoch, 10, 33) // 33 bits are what tar's format has
	if err != nil {
		return fmt.Errorf("bad SOURCE_DATE_EPOCH %q: not a number of seconds", epoch)
	}
	r.time = time.Unix(int64(seconds), 0).UTC()
	return nil
}

func (r *release) git(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = r.root
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}

const (
	digits  = "0123456789"
	hex     = digits + "abcdef"
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// upstreamVersion is a version as dpkg and rpm order them: v1.2.0-rc1 before v1.2.0,
// that before what git calls v1.2.0-3-g1234567, and a commit without a tag before all.
func upstreamVersion(version string) (string, error) {
	if strings.Trim(version, digits+letters+".+-") != "" {
		return "", fmt.Errorf("bad version %q: letters, digits and . + - only", version)
	}
	base, rest, more := strings.Cut(strings.TrimPrefix(version, "v"), "-")
	switch {
	case len(base) >= 7 && strings.Trim(base, hex) == "":
		base = "0+git" + base
	case base == "" || !strings.ContainsAny(base[:1], digits):
		return "", fmt.Errorf("bad version %q: it does not begin with a number", version)
	}
	if more {
		sign := "~"
		if rest == "dirty" || strings.Trim(rest[:min(1, len(rest))], digits) == "" {
			sign = "+"
		}
		base += sign + strings.ReplaceAll(rest, "-", ".")
	}
	return base, nil
}

// archVersion is the same for pacman, which does not support ~ and sorts letters after a
// number as earlier.
func archVersion(upstream string) string { return strings.ReplaceAll(upstream, "~", "") }

var alpinePre = regexp.MustCompile(`^(alpha|beta|pre|rc)\.?([0-9]*)`)

// alpineVersion is the same for apk, which supports only a few suffixes, each with a
// number: _rc1 and the like before a version, _p3 and _git after one. It has no place for
// a commit.
func alpineVersion(upstream string) string {
	if base, rest, found := strings.Cut(upstream, "~"); found {
		if m := alpinePre.FindStringSubmatch(rest); m != nil {
			return base + "_" + m[1] + m[2]
		}
		return base + "_pre"
	}
	base, rest, found := strings.Cut(upstream, "+")
	if !found {
		return base
	}
	if n := len(rest) - len(strings.TrimLeft(rest, digits)); n > 0 {
		return base + "_p" + rest[:n]
	}
	return base + "_git"
}
