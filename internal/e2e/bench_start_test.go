//go:build linux

package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"knockpipe/internal/lab"
)

// BenchmarkStart compares whole processes, which take turns: a program of Go that does
// nothing, which is the floor, and knockpipe that does next to nothing, both again as
// after a boot; nc and knockpipe at a port that refuses; and knockpipe that sends one
// knock and exits, which bounds the time to its first SYN.
func BenchmarkStart(b *testing.B) {
	const rounds = 300
	lab.Need(b, "nc")
	const (
		empty = iota
		version
		bootedEmpty
		booted
		nc
		refused
		knock
	)
	none := emptyProgram(b)
	lines := [...][]string{
		empty:       {none},
		version:     {binary(b), "-V"},
		bootedEmpty: {asBooted(b, none)},
		booted:      {asBooted(b, binary(b)), "-V"},
		nc:          {"nc", "127.0.0.1", "1"},
		refused:     {binary(b), "-f", "none", "127.0.0.1", "1"},
		knock:       {binary(b), "-k", "127.0.0.1", "22", "9"},
	}
	var wall, cpu [len(lines)]times
	for range rounds {
		for i, line := range lines {
			cmd := exec.Command(line[0], line[1:]...)
			start := time.Now()
			out, err := cmd.CombinedOutput()
			took := time.Since(start)
			if failed := err != nil; failed != (i == nc || i == refused) {
				b.Fatalf("%s: %v: %s", strings.Join(line, " "), err, out)
			}
			wall[i] = append(wall[i], took)
			cpu[i] = append(cpu[i], cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		}
	}
	for i, line := range lines {
		b.Logf("%-16s %-26s least %v, median %v, CPU time %v", filepath.Base(line[0]), strings.Join(line[1:], " "),
			wall[i].at(0), wall[i].median(), cpu[i].median())
	}
	ratio := func(a, b int) float64 { return wall[a].median().Seconds() / wall[b].median().Seconds() }
	ms := func(i int) float64 { return wall[i].median().Seconds() * 1000 }
	drawn.add(figure{"start, -V", ms(version), "empty Go program", ms(empty), "ms"})
	drawn.add(figure{"start, a refused connect", ms(refused), "nc", ms(nc), "ms"})
	b.ReportMetric(ratio(version, empty), "version/empty")
	b.ReportMetric(ratio(booted, bootedEmpty), "booted/empty")
	b.ReportMetric(ratio(refused, nc), "refused/nc")
	b.ReportMetric(float64((wall[knock].median()-wall[empty].median()).Microseconds())/1000, "ms-more")
}

// emptyProgram builds what any program of this Go takes.
func emptyProgram(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	source, path := filepath.Join(dir, "main.go"), filepath.Join(dir, "empty")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	if err := compile(source, path); err != nil {
		b.Fatal(err)
	}
	return path
}

// asBooted returns a copy of a program that the kernel reads from the disk again, as it
// does once after a boot, and then caches in smaller pieces.
func asBooted(b *testing.B, path string) string {
	b.Helper()
	again := filepath.Join(b.TempDir(), filepath.Base(path)+"-booted")
	if err := install(path, again); err != nil {
		b.Fatal(err)
	}
	f, err := os.Open(again)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(f.Sync(), unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)); err != nil {
		b.Fatal(err)
	}
	return again
}
