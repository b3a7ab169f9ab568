//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// A tool is one way to get to the server's banner.
type tool struct {
	name   string
	every  int // it runs in each round, or in each twentieth one
	port   string
	memory string // knockpipe's KnockMemory
	needs  string
	line   string // for sh; $0 is the host, $1 the port and $2 knockpipe
}

// The first tool is the measure of the others: a port that nobody guards.
var tools = []tool{
	{name: "nc, no guard", every: 1, port: "2222", needs: "nc", line: `exec nc $0 $1`},
	{name: "knockpipe, first time", every: 1, port: "22", memory: "no", line: `exec "$2" -f "$3" $0 $1 ` + sequence},
	{name: "knockpipe, again", every: 1, port: "22", memory: "yes", line: `exec "$2" -f "$3" $0 $1 ` + sequence},
	{name: "knock; nc", every: 20, port: "22", needs: "knock", line: `knock $0 ` + sequence + `; exec nc $0 $1`},
	{name: "knock -d 20; nc", every: 20, port: "22", needs: "knock", line: `knock -d 20 $0 ` + sequence + `; exec nc $0 $1`},
	{name: "script around nc", every: 20, port: "22", needs: "nc", line: `exec sh testdata/bench/knock.sh $0 $1 ` + sequence},
}

// A course is what the tools run on.
type course struct {
	name   string
	guard  string
	link   lab.Link
	rounds int
	bar    string // what knockpipe is to reach
}

var courses = []course{
	{"nftables, 50 ms", "nftables", lab.Link{Delay: 25 * time.Millisecond}, 40,
		"median at most 3 ms over nc's"},
	{"silent nftables, 50 ms", "silent", lab.Link{Delay: 25 * time.Millisecond}, 40,
		"median at most 3 ms over nc's"},
	{"nftables, 50 ± 40 ms, 2 % loss", "nftables", lab.Link{Delay: 25 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.02}, 100,
		"median at most 1.25 of nc's, p95 below it, no failure"},
	{"nftables, 200 ± 80 ms, 5 % loss", "nftables", lab.Link{Delay: 100 * time.Millisecond, Jitter: 40 * time.Millisecond, Loss: 0.05}, 40,
		"median at most 1.15 of nc's, p95 at most 0.8, no failure"},
	{"knockd, 50 ± 10 ms, 2 % loss", "knockd", lab.Link{Delay: 25 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.02}, 80,
		"median at most 1.7 of nc's at first, 1.5 again, no failure"},
}

// BenchmarkOpen measures the time from a command's start to the first byte of the
// server's banner, for knockpipe and for what else people use. In each round the
// tools take turns, each with the door shut. Every side sends its first line when
// it is connected, as ssh does.
func BenchmarkOpen(b *testing.B) {
	for _, t := range tools {
		if t.needs != "" {
			lab.Need(b, t.needs)
		}
	}
	for _, c := range courses {
		b.Run(c.name, func(b *testing.B) {
			results := c.run(b)
			b.Logf("%s: %s\n%s", c.name, c.bar, table(results))
			direct, ours := results[0].took, results[1].took
			b.ReportMetric(ours.median().Seconds()/direct.median().Seconds(), "median/nc")
			b.ReportMetric(ours.at(0.95).Seconds()/direct.at(0.95).Seconds(), "p95/nc")
			b.ReportMetric(float64(results[1].failed+results[2].failed), "failures")
			drawn.charts = append(drawn.charts, chart{c.name, results})
		})
	}
}

func (c course) run(b *testing.B) []result {
	b.Helper()
	l := lab.New(b, c.link)
	var door guard
	for _, g := range guards {
		if g.name == c.guard {
			door = g
		}
	}
	door.set(b, l)
	servers := map[string]*lab.Banner{"22": l.Server.Banner(b, 22), "2222": l.Server.Banner(b, 2222)}
	results := make([]result, len(tools))
	for round := range c.rounds {
		for i, t := range tools {
			r := &results[i]
			r.tool = t.name
			if round%t.every != 0 {
				continue
			}
			if c.guard == "knockd" { // what another tool has left half done is over by now
				l.Client.Command("knock", l.Server.IP4.String(), "23456", "23456", "23456").Run()
				time.Sleep(150 * time.Millisecond) // until knockd has opened to the last knock that was on its way
			}
			door.forget(b, l)
			server := servers[t.port]
			accepted, aborted := server.Accepted(), server.Aborted()
			took, err := t.banner(b, l)
			if err != nil {
				r.failed++
			} else {
				r.took = append(r.took, took)
			}
			r.aborted += server.Aborted() - aborted
			r.accepted += server.Accepted() - accepted
		}
	}
	return results
}

// banner runs the tool to its end and returns when it had its first byte.
func (t tool) banner(b *testing.B, l *lab.Lab) (time.Duration, error) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	config := b.TempDir() + "/config"
	if err := os.WriteFile(config, []byte("KnockMemory "+t.memory+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := l.Client.CommandContext(ctx, "sh", "-c", t.line, l.Server.IP4.String(), t.port, binary(b), config)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	io.WriteString(stdin, "SSH-2.0-bench\r\n")
	_, err = io.ReadFull(stdout, make([]byte, 1))
	took := time.Since(start)
	stdin.Close()
	io.Copy(io.Discard, stdout)
	var exit *exec.ExitError
	if e := cmd.Wait(); e != nil && !errors.As(e, &exit) {
		b.Fatalf("%s: %v", t.name, e)
	}
	return took, err
}

// table prints the results, each beside the first one. A lost SYN costs nc a second, in
// some four of a hundred tries over a link that loses two packets in a hundred, and a lost
// banner a quarter of one in two more. So its p95 is 110 ms in one run and more than a
// second in the next: the mean and the shares of slow tries say more.
func table(results []result) string {
	var text strings.Builder
	direct := results[0].took
	fmt.Fprintf(&text, "%-22s %9s %9s %9s %9s %9s %9s %8s %6s %8s %11s %7s\n",
		"", "median", "(of nc's)", "mean", "(of nc's)", "p95", "(of nc's)", "> 300 ms", "> 1 s", "failed", "connections", "aborted")
	for _, r := range results {
		tries := len(r.took) + r.failed
		failed := fmt.Sprintf("%d/%d", r.failed, tries)
		if len(r.took) == 0 {
			fmt.Fprintf(&text, "%-22s %9s %9s %9s %9s %9s %9s %8s %6s %8s %11d %7d\n",
				r.tool, "-", "", "-", "", "-", "", "", "", failed, r.accepted, r.aborted)
			continue
		}
		fmt.Fprintf(&text, "%-22s", r.tool)
		for _, pair := range [][2]time.Duration{{r.took.median(), direct.median()}, {r.took.mean(), direct.mean()}, {r.took.at(0.95), direct.at(0.95)}} {
			fmt.Fprintf(&text, " %9v %9.2f", pair[0].Round(100*time.Microsecond), pair[0].Seconds()/pair[1].Seconds())
		}
		fmt.Fprintf(&text, " %7.1f%% %5.1f%% %8s %11d %7d\n",
			100*r.took.over(300*time.Millisecond), 100*r.took.over(time.Second), failed, r.accepted, r.aborted)
	}
	return text.String()
}
