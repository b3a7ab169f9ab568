//go:build linux

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestClients runs the clients of clients_table_test.go, each in a lab of its own,
// against a real sshd behind the rules that -rules prints. All that read
// ~/.ssh/config read the same one, with the short line.
//
// Only the small ones run unless CLIENTS names the file for the table, as `make
// clients` does.
func TestClients(t *testing.T) {
	t.Parallel()
	file := os.Getenv("CLIENTS")
	results := make([]string, len(clients))
	t.Run("all", func(t *testing.T) { // returns when the parallel ones are through
		for i, c := range clients {
			if file != "" || c.small {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					results[i] = c.try(t)
				})
			}
		}
	})
	if file == "" {
		return
	}
	text := fmt.Sprintf(clientsHead, time.Now().UTC().Format(time.DateOnly)) + strings.Join(results, "")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

const clientsHead = `# Clients

Results of ` + "`make clients`" + ` on %s: each client connects to a real sshd behind the
rules that ` + "`knockpipe -rules nftables`" + ` prints. Clients that read ~/.ssh/config read the same
one, with ` + "`ProxyCommand knockpipe %%h %%p`" + `; the others get that command by an option of
their own. "connections" counts the connections in sshd's log, "closed early" those that
ended before anyone logged in, and "left" the processes that the client left behind.

| client | version | result | connections | closed early | left |
|---|---|---|---|---|---|
`

// clientTime is what a client has for its whole script, on a busy machine too.
const clientTime = 90 * time.Second

// try runs the client and returns its line of the table.
func (c *client) try(t *testing.T) string {
	if c.packages == "" {
		return fmt.Sprintf("| %s | | not tried: %s | | | |\n", c.name, c.fails)
	}
	var result string
	version, err := packageVersion(strings.Fields(c.packages)[0])
	for _, p := range strings.Fields(c.packages) {
		if _, e := packageVersion(p); e != nil && err == nil {
			err = e
		}
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Errorf("no test may be skipped in CI: %v", err)
		} else {
			t.Logf("skipping, %v", err)
		}
		return fmt.Sprintf("| %s | | not tried: %v | | | |\n", c.name, err)
	}

	l := lab.New(t)
	home, sshd := clientHome(t, l)
	ctx, cancel := context.WithTimeout(t.Context(), clientTime)
	defer cancel()
	cmd := l.Client.CommandContext(ctx, "bash", "-c", clientPrelude+c.script)
	cmd.Dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(cmd.Dir, "data"), bytes.Repeat([]byte("some data\n"), 20000), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(cmd.Env, "HOME="+home, "D="+cmd.Dir, "LC_ALL=C.UTF-8", "SSH_AUTH_SOCK=",
		"PATH="+filepath.Dir(binary(t))+":"+os.Getenv("PATH")+":/usr/sbin")
	before := processesOn(t, l.Client)
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil && c.fails == "":
		result = "works"
	case err != nil && c.fails != "" && ctx.Err() == nil:
		result = "does not: " + c.fails
	case err == nil:
		result = "works, though it was expected not to"
		t.Errorf("it works, want that it does not: %s\n%s", c.fails, out)
	default:
		result = "fails"
		t.Errorf("%v: %s\nsshd's log:\n%s", err, out, sshd.Log())
	}

	// knockpipe has a second to notice that its client is gone.
	left := before
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		left = slices.DeleteFunc(processesOn(t, l.Client), func(p string) bool { return slices.Contains(before, p) })
		if len(left) == 0 || time.Now().After(deadline) {
			break
		}
	}
	if len(left) > 0 {
		t.Errorf("processes left: %q", left)
	}
	sshd.Settle()
	connections, early := sshd.Connections(), sshd.Preauth()
	if connections != c.connections && (!c.orFewer || connections > c.connections || connections < 1) {
		t.Errorf("sshd saw %d connections, want %d:\n%s", connections, c.connections, sshd.Log())
	}
	if len(early) != c.early {
		t.Errorf("connections that did not log in: %q, want %d", early, c.early)
	}
	return fmt.Sprintf("| %s | %s | %s | %d | %d | %d |\n", c.name, version, result, connections, len(early), len(left))
}

// clientHome starts sshd behind the rules for the config that it gives the client's
// root, whose home it returns.
func clientHome(t *testing.T, l *lab.Lab) (string, *lab.SSHD) {
	t.Helper()
	root, err := user.LookupId("0")
	if err != nil {
		t.Fatal(err)
	}
	sshd := l.Server.SSHD(t, "MaxStartups 100")
	var blocks, addresses strings.Builder
	var names []string
	block := func(alias, address string) {
		fmt.Fprintf(&blocks, "Host %s\n\tHostName %s\n\t# Knock: %s\n\tProxyCommand knockpipe %%h %%p\n", alias, address, sequence)
		names = append(names, alias, address)
	}
	block("tango", "198.51.100.2")
	for i := 1; i <= 12; i++ {
		address := fmt.Sprint("198.51.100.", 100+i)
		block(fmt.Sprint("web", i), address)
		fmt.Fprintf(&addresses, "address add %s/24 dev eth0\n", address)
	}
	add := l.Server.Command("ip", "-batch", "-")
	add.Stdin = strings.NewReader(addresses.String())
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("ip: %v: %s", err, out)
	}
	config := sshd.ClientConfig(t, blocks.String())
	l.Server.Nft(t, printedRules(t, l, "nftables", config, "tango", "22"))
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"ssh_config": "config", "id_ed25519": "id_ed25519", "known_hosts": "known_hosts"} {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(config), from))
		if err != nil {
			t.Fatal(err)
		}
		if from == "known_hosts" { // paramiko knows no patterns, and dbclient no lists
			_, key, _ := strings.Cut(string(text), " ")
			text = nil
			for _, name := range names {
				text = fmt.Appendln(text, name, strings.TrimSpace(key))
			}
		}
		if err := os.WriteFile(filepath.Join(home, ".ssh", to), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l.Client.Bind(t, home, root.HomeDir)
	l.Client.WriteFile(t, "/etc/hosts", "127.0.0.1 localhost\n198.51.100.2 tango\n")
	return root.HomeDir, sshd
}

// TestClientsInstalled finds the packages of each client among those that are installed
// for it.
func TestClientsInstalled(t *testing.T) {
	text, err := os.ReadFile("internal/lab/install.sh")
	if err != nil {
		t.Fatal(err)
	}
	small, _, _ := strings.Cut(string(text), "= clients ]")
	for _, c := range clients {
		list := string(text)
		if c.small {
			list = small
		}
		for _, name := range strings.Fields(c.packages) {
			if !slices.Contains(strings.Fields(list), name) {
				t.Errorf("%s: install.sh has no %s for it", c.name, name)
			}
		}
	}
}

// packageVersion is the version of an installed Debian package.
func packageVersion(name string) (string, error) {
	packageLock.Lock() // many at a time are slow
	defer packageLock.Unlock()
	out, err := exec.Command("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", name).Output()
	if version, ok := strings.CutPrefix(string(out), "installed "); err == nil && ok {
		return version, nil
	}
	return "", fmt.Errorf("the package %s is not installed", name)
}

var packageLock sync.Mutex

// processesOn lists the processes in a host's network, by number and name.
func processesOn(t *testing.T, h *lab.Host) []string {
	t.Helper()
	var network string
	var err error
	h.Do(func() { network, err = os.Readlink("/proc/thread-self/ns/net") })
	if err != nil {
		t.Fatal(err)
	}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, dir := range dirs {
		if of, _ := os.Readlink(dir + "/ns/net"); of == network { // an error: it has ended
			name, _ := os.ReadFile(dir + "/comm")
			all = append(all, filepath.Base(dir)+" "+strings.TrimSpace(string(name)))
		}
	}
	return all
}
