//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"knockpipe/internal/lab"
	"knockpipe/knock/token"
)

// BenchmarkToken measures the way through a door for one-time tokens as BenchmarkOpen
// does, beside nc to a port without a guard. No process follows another: each spends a
// token.
func BenchmarkToken(b *testing.B) {
	lab.Need(b, "nc")
	for _, c := range []course{
		{"50 ms", "token", lab.Link{Delay: 25 * time.Millisecond}, 40,
			"median at most 3 ms over nc's"},
		{"50 ± 40 ms, 2 % loss", "token", lab.Link{Delay: 25 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.02}, 100,
			"median at most 1.03 of nc's, p95 at most nc's"},
		{"50 ± 10 ms, 2 % loss", "token", lab.Link{Delay: 25 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.02}, 80,
			"median at most 1.03 of nc's, p95 at most nc's"},
		{"200 ± 80 ms, 5 % loss", "token", lab.Link{Delay: 100 * time.Millisecond, Jitter: 40 * time.Millisecond, Loss: 0.05}, 40,
			"median at most 1.03 of nc's, p95 at most nc's"},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := newTokenDoor(b, c.link)
			d.key(b, "anna")
			servers := map[string]*lab.Banner{"22": nil, "2222": d.Server.Banner(b, 2222)}
			tools := []tool{
				{name: "nc, no guard", port: "2222", line: `exec nc $0 $1`},
				{name: "knockpipe, token", port: "22", line: "XDG_RUNTIME_DIR=/proc/none XDG_STATE_HOME=/proc/none exec \"$2\" -f " + d.config(b, "anna", "") + " $0 $1"},
			}
			results := make([]result, len(tools))
			for range c.rounds {
				for i, t := range tools {
					d.shut(b)
					d.unspend(b, "anna")
					took, err := t.banner(b, d.Lab)
					results[i].tool = t.name
					if err != nil {
						results[i].failed++
						continue
					}
					results[i].took = append(results[i].took, took)
				}
			}
			results[0].accepted = servers["2222"].Accepted()
			results[1].accepted = d.banner.Accepted()
			b.Logf("%s: %s\n%s", c.name, c.bar, table(results))
			direct, ours := results[0].took, results[1].took
			b.ReportMetric(ours.median().Seconds()/direct.median().Seconds(), "median/nc")
			b.ReportMetric(ours.at(0.95).Seconds()/direct.at(0.95).Seconds(), "p95/nc")
			b.ReportMetric(float64(results[1].failed), "failures")
			drawn.charts = append(drawn.charts, chart{"token door, " + c.name, results})
		})
	}
}

// unspend has a key's table forget what was used, so that a few slots are enough for any
// number of tries.
func (d *tokenDoor) unspend(t testing.TB, name string) {
	t.Helper()
	flush(t, d.Server, "knockpipe_key_"+name, "spent_v1")
}

// BenchmarkTokenFlood sends a million random datagrams that are as long as a token, and
// measures what they cost: the processor's time of the thread that sends them, in which the
// server's kernel takes them, with a day's tokens loaded and without; and that of fwknopd,
// which is sent as many to its own port.
func BenchmarkTokenFlood(b *testing.B) {
	lab.Need(b, "nft")
	const packets = 1_000_000
	flood := func(l *lab.Lab, port int) time.Duration {
		var took time.Duration
		var err error
		l.Client.Do(func() {
			var fd int
			if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
				return
			}
			defer unix.Close(fd)
			to := &unix.SockaddrInet4{Addr: l.Server.IP4.As4(), Port: port}
			random := rand.NewChaCha8([32]byte{1})
			var data [token.Size]byte
			var before, after unix.Rusage
			unix.Getrusage(unix.RUSAGE_THREAD, &before)
			for range packets {
				random.Read(data[:])
				if err = unix.Sendto(fd, data[:], 0, to); err != nil {
					return
				}
			}
			unix.Getrusage(unix.RUSAGE_THREAD, &after)
			took = cpu(after) - cpu(before)
		})
		if err != nil {
			b.Fatal(err)
		}
		return took
	}
	d := newTokenDoor(b)
	d.Server.Nft(b, "table inet deaf { chain input { type filter hook input priority -5; udp dport { 40022, 62201 } drop; }; }")
	bare := flood(d.Lab, 40022)
	d.key(b, "anna")
	d.load(b, filepath.Join(d.dir, "anna.key"))
	tokens := flood(d.Lab, 40022)
	if got, want := d.counts(b, "anna"), "0 0 0 0"; got != want || d.open(b, ours[0]) {
		b.Errorf("counters: got %s, want %s", got, want)
	}
	l := lab.New(b)
	fwknopd(b, l, keys, "")
	l.Server.Nft(b, "table inet deaf { chain input { type filter hook input priority -5; udp dport { 40022, 62201 } drop; }; }")
	pid := processOn(b, l.Server, "fwknopd")
	before := processorTime(b, pid)
	kernel := flood(l, 62201)
	daemon := processorTime(b, pid) - before
	each := func(d time.Duration) time.Duration { return d / packets }
	b.Logf("of a million datagrams each costs: %v without anything, %v with a day's tokens loaded; with fwknopd %v, and %v in the daemon for what it got",
		each(bare), each(tokens), each(kernel), each(daemon))
	drawn.add(figure{"CPU for a stranger's datagram, more", float64(each(tokens - bare).Nanoseconds()),
		"fwknopd", float64(each(kernel - bare + daemon).Nanoseconds()), "ns"})
	b.ReportMetric(float64(each(tokens-bare).Nanoseconds()), "ns-more")
	b.ReportMetric(float64(each(kernel-bare+daemon).Nanoseconds()), "ns-more-fwknopd")
}

func cpu(r unix.Rusage) time.Duration {
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// processOn finds the process of that name on a host.
func processOn(b *testing.B, h *lab.Host, name string) string {
	b.Helper()
	network, err := h.Command("readlink", "/proc/self/ns/net").Output()
	if err != nil {
		b.Fatal(err)
	}
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range names {
		text, _ := os.ReadFile(path)
		link, _ := os.Readlink(filepath.Join(filepath.Dir(path), "ns/net"))
		if strings.TrimSpace(string(text)) == name && link == strings.TrimSpace(string(network)) {
			return filepath.Dir(path)
		}
	}
	b.Fatalf("%s has no %s", h.Name, name)
	return ""
}

// processorTime is what a process has had so far, in proc(5)'s hundredths of a second.
func processorTime(b *testing.B, process string) time.Duration {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(process, "stat"))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	var user, system int
	fmt.Sscan(fields[11], &user)
	fmt.Sscan(fields[12], &system)
	return time.Duration(user+system) * 10 * time.Millisecond
}
