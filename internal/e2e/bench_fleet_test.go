//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// BenchmarkFleet reaches many hosts, a part of them at a time, each with a block in
// ~/.ssh/config: through nc to ports without a guard, and through knockpipe to ports
// behind a knock. They take turns. FLEET is how many hosts, 100 if it is not set; a
// thousand takes some twenty minutes on two processors.
//
// A host is an address of the lab's server, with a door of its own. What is measured
// is the whole loop: of ssh under xargs, of Ansible, and of nc and knockpipe without an
// ssh, for the CPU time of each.
func BenchmarkFleet(b *testing.B) {
	hosts := 100
	if n, err := strconv.Atoi(os.Getenv("FLEET")); err == nil {
		hosts = max(n, 1)
	}
	f := newFleet(b, hosts)
	for _, loop := range []struct {
		name   string
		rounds int
		needs  string
		lines  [2]string // of the shell, for nc and for knockpipe
	}{
		{"alone", 5, "nc", [2]string{
			fmt.Sprintf("xargs -P %d -I{} nc -N {} 2224 <addresses >/dev/null", f.atOnce),
			fmt.Sprintf("xargs -P %d -I{} knockpipe {} 24 <addresses >/dev/null", f.atOnce),
		}},
		{"xargs", 3, "ssh", both(fmt.Sprintf("xargs -P %d -I{} ssh {} true <hosts", f.atOnce))},
		{"ansible", 1, "ansible", both(fmt.Sprintf("ansible all -i hosts -f %d -m raw -a true >/dev/null", f.atOnce))},
	} {
		b.Run(loop.name, func(b *testing.B) {
			lab.Need(b, loop.needs)
			var wall, cpu [2]times
			for range loop.rounds {
				for i, line := range loop.lines {
					w, c := f.run(b, i == 1, line)
					wall[i], cpu[i] = append(wall[i], w), append(cpu[i], c/time.Duration(hosts))
				}
			}
			w, c := [2]time.Duration{wall[0].median(), wall[1].median()}, [2]time.Duration{cpu[0].median(), cpu[1].median()}
			b.Logf("%d hosts, %d at a time: nc %v, knockpipe %v, ratio %.2f; CPU time of the client for each %v and %v, ratio %.2f",
				hosts, f.atOnce, w[0].Round(10*time.Millisecond), w[1].Round(10*time.Millisecond), w[1].Seconds()/w[0].Seconds(),
				c[0].Round(10*time.Microsecond), c[1].Round(10*time.Microsecond), c[1].Seconds()/c[0].Seconds())
			drawn.add(figure{fmt.Sprintf("%d hosts, %s", hosts, loop.name), w[1].Seconds(), "nc", w[0].Seconds(), "s"})
			drawn.add(figure{fmt.Sprintf("%d hosts, %s, CPU each", hosts, loop.name), c[1].Seconds() * 1000, "nc", c[0].Seconds() * 1000, "ms"})
			b.ReportMetric(w[1].Seconds()/w[0].Seconds(), "time/nc")
			b.ReportMetric(c[1].Seconds()/c[0].Seconds(), "cpu/nc")
		})
	}
}

// both is a line that is the same for nc and for knockpipe, as ssh's config decides.
func both(line string) [2]string { return [2]string{line, line} }

// A fleet is hosts of which the client's config knows.
type fleet struct {
	lab    *lab.Lab
	home   string // the client's
	dir    string // in which loops run
	atOnce int    // how many processes a loop has at a time
	hosts  int
	sshd   *lab.SSHD
}

func newFleet(b *testing.B, hosts int) *fleet {
	b.Helper()
	f := &fleet{lab: lab.New(b), home: b.TempDir(), dir: b.TempDir(), hosts: hosts, atOnce: 50}
	if hosts >= 1000 {
		f.atOnce = 100
	}
	f.lab.Server.NftFile(b, "testdata/doors/fleet.nft")
	serverRun(b, f.lab, "ip", "route", "add", "local", "198.18.0.0/16", "dev", "lo")
	if out, err := f.lab.Client.Command("ip", "route", "add", "198.18.0.0/16", "via", f.lab.Server.IP4.String()).CombinedOutput(); err != nil {
		b.Fatalf("ip: %v: %s", err, out)
	}
	f.lab.Server.Banner(b, 24)
	f.lab.Server.Banner(b, 2224)
	f.sshd = f.lab.Server.SSHD(b, "Port 22", "Port 2222", "MaxStartups 1000")

	root, err := user.LookupId("0")
	if err != nil {
		b.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(f.home, ".ssh"), 0o700); err != nil {
		b.Fatal(err)
	}
	f.lab.Client.Bind(b, f.home, root.HomeDir)
	var names, addresses strings.Builder
	for i := range hosts {
		fmt.Fprintf(&names, "host%d\n", i)
		fmt.Fprintf(&addresses, "%s\n", fleetAddress(i))
	}
	for name, text := range map[string]string{"hosts": names.String(), "addresses": addresses.String()} {
		if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return f
}

func fleetAddress(i int) string { return fmt.Sprintf("198.18.%d.%d", i/250, i%250+1) }

// run runs a line of the shell with the config for nc or for knockpipe, and returns
// how long it took and the CPU time of the processes that it has waited for: ssh does
// not wait for its ProxyCommand.
func (f *fleet) run(b *testing.B, knock bool, line string) (wall, cpu time.Duration) {
	b.Helper()
	var blocks strings.Builder
	for i := range f.hosts {
		fmt.Fprintf(&blocks, "Host host%d\n\tHostName %s\n\t# Knock: %s\n", i, fleetAddress(i), sequence)
	}
	blocks.WriteString("Host *\n")
	if knock {
		blocks.WriteString("\tProxyCommand knockpipe %h %p\n")
	} else {
		blocks.WriteString("\tPort 2222\n\tProxyCommand nc %h %p\n")
	}
	config, err := os.ReadFile(f.sshd.ClientConfig(b, blocks.String()))
	if err == nil {
		err = os.WriteFile(filepath.Join(f.home, ".ssh", "config"), config, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	flush(b, f.lab.Server, "fleet", "candidates4", "clients4")
	unfollowed(b, f.lab.Client.Own)
	cmd := f.lab.Client.Command("sh", "-c", line)
	cmd.Dir = f.dir
	cmd.Env = append(cmd.Env, "HOME="+f.home, "LC_ALL=C.UTF-8", "SSH_AUTH_SOCK=", "ANSIBLE_SSH_ARGS=-o ControlMaster=no", "ANSIBLE_TIMEOUT=60",
		"PATH="+filepath.Dir(binary(b))+":"+os.Getenv("PATH"))
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s: %v: %s", line, err, output.Bytes()[max(0, output.Len()-2000):])
	}
	return time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
