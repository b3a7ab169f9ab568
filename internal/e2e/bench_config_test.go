//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// BenchmarkConfig measures whole processes that look up the last host of a
// config: "ssh -G", knockpipe -G, and knockpipe -G with no config at all, which is
// how long it takes to start. They take turns. It tells the program's size too.
func BenchmarkConfig(b *testing.B) {
	lab.Need(b, "ssh")
	if info, err := os.Stat(binary(b)); err == nil {
		b.ReportMetric(float64(info.Size())/1e6, "MB")
	}
	for _, size := range []struct {
		hosts, rounds int
	}{{2, 200}, {4000, 40}} {
		path := filepath.Join(b.TempDir(), "config")
		var text strings.Builder
		for i := range size.hosts {
			fmt.Fprintf(&text, "Host host%d\n\tHostName host%d.example.org\n\tUser user%d\n\t# Knock: %d 23456 34567\n\tPort 2222\n", i, i, i, 1000+i)
		}
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			b.Fatal(err)
		}
		last := fmt.Sprintf("host%d", size.hosts-1)
		var ssh, ours, none times
		for range size.rounds {
			ssh = append(ssh, lookUp(b, "ssh", "-F", path, "-G", last))
			ours = append(ours, lookUp(b, binary(b), "-f", path, "-G", last))
			none = append(none, lookUp(b, binary(b), "-f", "none", "-G", last))
		}
		s, k, n := ssh.median(), ours.median(), none.median()
		b.Logf("%d lines: ssh -G %v, knockpipe %v, ratio %.2f; reading the config took %v, all else %v",
			5*size.hosts, s.Round(time.Microsecond), k.Round(time.Microsecond), float64(k)/float64(s), (k - n).Round(time.Microsecond), n.Round(time.Microsecond))
		drawn.add(figure{fmt.Sprintf("-G with a config of %d lines", 5*size.hosts), k.Seconds() * 1000, "ssh -G", s.Seconds() * 1000, "ms"})
		b.ReportMetric(float64(k)/float64(s), fmt.Sprintf("ratio%d", 5*size.hosts))
	}
}

// lookUp is how long a process takes from its start to its end.
func lookUp(b *testing.B, name string, args ...string) time.Duration {
	b.Helper()
	cmd := exec.Command(name, args...)
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return time.Since(start)
}
