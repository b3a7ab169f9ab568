//go:build linux

package e2e

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

const gigabyte = 1 << 30

// BenchmarkPipe moves a gigabyte over loopback, down and up, through nc and through
// knockpipe, and compares the CPU time of the whole process and the time it takes. Up,
// it comes as fast as can be, and as ssh writes: 32 KiB at a time, with work between.
// The two take turns.
func BenchmarkPipe(b *testing.B) {
	const rounds = 5
	lab.Need(b, "nc")
	for name, send := range map[string]func(io.Writer){"down": nil, "up": send, "up-ssh": sendAsSSH} {
		b.Run(name, func(b *testing.B) {
			var cpu, wall [2]times
			for range rounds {
				for i, command := range [][]string{{"nc", "-N"}, {binary(b), "-f", "none"}} {
					c, w := transfer(b, send, command...)
					cpu[i], wall[i] = append(cpu[i], c), append(wall[i], w)
				}
			}
			ratio := func(t [2]times) float64 { return t[1].median().Seconds() / t[0].median().Seconds() }
			b.Logf("scp of 1 GB %s: CPU of nc %v, knockpipe %v, ratio %.2f; time of nc %v, knockpipe %v, ratio %.2f", name,
				cpu[0].median(), cpu[1].median(), ratio(cpu), wall[0].median().Round(time.Millisecond), wall[1].median().Round(time.Millisecond), ratio(wall))
			drawn.add(figure{"1 GB " + name + " the pipe, CPU", cpu[1].median().Seconds(), "nc", cpu[0].median().Seconds(), "s"})
			b.ReportMetric(ratio(cpu), "cpu/nc")
			b.ReportMetric(ratio(wall), "time/nc")
		})
	}
}

// transfer moves a gigabyte through a command that connects to a server here: up, as
// it is sent, or down.
func transfer(b *testing.B, upload func(io.Writer), command ...string) (cpu, wall time.Duration) {
	b.Helper()
	listener, port := listen(b)
	received := make(chan int64, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if upload != nil {
			n, _ := io.Copy(io.Discard, struct{ io.Reader }{conn})
			received <- n
			return
		}
		send(conn)
	}()
	cmd := exec.Command(command[0], append(command[1:], "127.0.0.1", port)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	if upload != nil {
		upload(stdin)
	}
	stdin.Close() // nc does not end before
	n, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{stdout}, make([]byte, 256<<10))
	if upload != nil {
		n = <-received
	}
	wall = time.Since(start)
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	if err != nil || n != gigabyte {
		b.Fatalf("got %d bytes, %v, want %d", n, err, gigabyte)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), wall
}

func send(w io.Writer) {
	block := make([]byte, 256<<10)
	for range gigabyte / len(block) {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// sendAsSSH has something to compute for each packet, as ssh has.
func sendAsSSH(w io.Writer) {
	block := make([]byte, 32<<10)
	for range gigabyte / len(block) {
		sha256.Sum256(block)
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// BenchmarkScp copies a file through real ssh and sshd, down and up: without a
// ProxyCommand, through nc to a port without a guard, through knockpipe, and with the
// socket passed to ssh. They take turns. It measures the CPU time of nc and knockpipe,
// too.
func BenchmarkScp(b *testing.B) {
	const rounds, size = 3, 1 << 30
	lab.Need(b, "nc")
	l := lab.New(b)
	l.Server.NftFile(b, "examples/nftables.conf")
	sshd := l.Server.SSHD(b, "Port 22", "Port 2222")
	dir := b.TempDir()
	used, file := filepath.Join(dir, "used"), filepath.Join(dir, "file")
	// The shell outlives ssh, and tells what its command has used.
	timed := filepath.Join(dir, "timed")
	script := fmt.Sprintf("#!/bin/sh\ntrap '' HUP\n\"$@\"\ntimes >%[1]s.new && mv %[1]s.new %[1]s\n", used)
	if err := os.WriteFile(timed, []byte(script), 0o700); err != nil {
		b.Fatal(err)
	}
	config := sshd.ClientConfig(b, fmt.Sprintf(`Host direct
	Port 2222
Host nc
	Port 2222
	ProxyCommand %[4]s nc %%h %%p
Host piped
	ProxyCommand %[4]s %[1]s %%h %%p %[2]s
Host passed
	ProxyCommand %[1]s -F %%h %%p %[2]s
	ProxyUseFdpass yes
Host *
	HostName %[3]v
`, binary(b), sequence, l.Server.IP4, timed))
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		b.Fatal(err)
	}
	if err := os.Truncate(file, size); err != nil {
		b.Fatal(err)
	}
	if _, err := os.ReadFile(file); err != nil { // so that it is cached for the first of them, too
		b.Fatal(err)
	}
	for _, way := range []string{"down", "up"} {
		b.Run(way, func(b *testing.B) {
			took, cpu := make(map[string]times), make(map[string]times)
			for range rounds {
				for _, host := range []string{"direct", "nc", "piped", "passed"} {
					os.Remove(used)
					from, to := host+":"+file, "/dev/null"
					if way == "up" {
						from, to = file, host+":"+filepath.Join(dir, "copy")
					}
					start := time.Now()
					if out, err := l.Client.Command("scp", "-q", "-F", config, from, to).CombinedOutput(); err != nil {
						b.Fatalf("scp: %v: %s", err, out)
					}
					took[host] = append(took[host], time.Since(start))
					if host == "nc" || host == "piped" {
						cpu[host] = append(cpu[host], childrenTime(b, used))
					}
				}
			}
			direct := took["direct"].median()
			for _, host := range []string{"nc", "piped", "passed"} {
				median := took[host].median()
				b.Logf("scp of 1 GB %s: direct %v, %s %v, ratio %.2f", way, direct.Round(time.Millisecond), host, median.Round(time.Millisecond), median.Seconds()/direct.Seconds())
				drawn.add(figure{"scp of 1 GB " + way + ", " + host, median.Seconds(), "direct", direct.Seconds(), "s"})
				b.ReportMetric(median.Seconds()/direct.Seconds(), host+"/direct")
			}
			nc, ours := cpu["nc"].median(), cpu["piped"].median()
			b.Logf("scp of 1 GB %s: CPU of nc %v, knockpipe %v, ratio %.2f", way, nc, ours, ours.Seconds()/nc.Seconds())
			drawn.add(figure{"scp of 1 GB " + way + ", CPU", ours.Seconds(), "nc", nc.Seconds(), "s"})
			b.ReportMetric(ours.Seconds()/nc.Seconds(), "cpu/nc")
		})
	}
}

// childrenTime reads the CPU time of a shell's commands, as its times tells it, once it
// has been written.
func childrenTime(b *testing.B, path string) time.Duration {
	b.Helper()
	var text []byte
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		var err error
		if text, err = os.ReadFile(path); err == nil {
			break
		}
		if time.Now().After(deadline) {
			b.Fatal(err)
		}
	}
	var sum time.Duration
	words := strings.Fields(string(text)) // the shell's own user and system time, and its commands'
	if len(words) != 4 {
		b.Fatalf("times: %q", text)
	}
	for _, word := range words[2:] {
		d, err := time.ParseDuration(word)
		if err != nil {
			b.Fatal(err)
		}
		sum += d
	}
	return sum
}

// BenchmarkIdle holds a hundred sessions in which nothing happens.
func BenchmarkIdle(b *testing.B) {
	const sessions = 100
	listener, port := listen(b)
	var cmds []*exec.Cmd
	for range sessions {
		cmd := exec.Command(binary(b), "127.0.0.1", port)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			b.Fatal(err)
		}
		defer stdin.Close()
		if _, err := cmd.StdoutPipe(); err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		defer cmd.Wait()
		conn, err := listener.Accept()
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		cmds = append(cmds, cmd)
	}
	memory := 0
	before := ticks(b, cmds)
	time.Sleep(3 * time.Second) // in which nothing is to happen
	after := ticks(b, cmds)
	for _, cmd := range cmds {
		memory = max(memory, resident(b, cmd.Process.Pid))
	}
	b.Logf("%d idle sessions: at most %d kB resident each, %d ticks of CPU time in 3 s for all", sessions, memory, after-before)
	b.ReportMetric(float64(memory)/1024, "MB-each")
	b.ReportMetric(float64(after-before), "ticks")
}

// ticks is the CPU time of processes, in hundredths of a second.
func ticks(b *testing.B, cmds []*exec.Cmd) int {
	b.Helper()
	sum := 0
	for _, cmd := range cmds {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
		if err != nil {
			b.Fatal(err)
		}
		fields := strings.Fields(string(stat))
		user, _ := strconv.Atoi(fields[13])
		system, _ := strconv.Atoi(fields[14])
		sum += user + system
	}
	return sum
}
