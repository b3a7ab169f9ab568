//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// BenchmarkBanner measures the time from a command's start to the first byte of
// the server's banner, over a link with a round trip of 50 ms: nc to a port
// without a guard, and knockpipe to one behind examples/nftables.conf. The two
// take turns.
func BenchmarkBanner(b *testing.B) {
	const rounds = 40
	l := lab.New(b, lab.Link{Delay: 25 * time.Millisecond})
	l.Server.NftFile(b, "examples/nftables.conf")
	l.Server.Banner(b, 22)
	l.Server.Banner(b, 2222)
	for _, addr := range []string{l.Server.IP4.String(), l.Server.IP6.String()} {
		var direct, knocked times
		var memory int
		for range rounds {
			took, _ := banner(b, l.Client, "nc", addr, "2222")
			direct = append(direct, took)
			forget(b, l)
			took, rss := banner(b, l.Client, binary(b), append([]string{addr, "22"}, strings.Fields(sequence)...)...)
			knocked = append(knocked, took)
			memory = max(memory, rss)
		}
		d, k := direct.median(), knocked.median()
		b.Logf("%s: nc %v, knockpipe %v: %v more, ratio %.3f; resident %d kB",
			addr, d.Round(10*time.Microsecond), k.Round(10*time.Microsecond), (k - d).Round(10*time.Microsecond), float64(k)/float64(d), memory)
		b.ReportMetric(float64(k)/float64(d), "ratio"+map[bool]string{true: "6", false: "4"}[strings.Contains(addr, ":")])
	}
}

// banner runs a command until it has written its first byte, and returns the
// time that took and the most memory it had resident, in kB.
func banner(b *testing.B, host *lab.Host, name string, args ...string) (time.Duration, int) {
	b.Helper()
	cmd := host.Command(name, args...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	_, err = io.ReadFull(stdout, make([]byte, 1))
	took := time.Since(start)
	if err != nil {
		b.Fatalf("%s: %v: %s", name, err, stderr.String())
	}
	rss := resident(b, cmd.Process.Pid)
	stdin.Close()
	cmd.Process.Kill()
	cmd.Wait()
	return took, rss
}

// resident reads the most memory that a process ever had resident, in kB.
func resident(b testing.TB, pid int) int {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	var kB int
	if _, after, ok := strings.Cut(string(status), "VmHWM:"); ok {
		fmt.Sscan(after, &kB)
	}
	return kB
}
