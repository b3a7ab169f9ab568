//go:build linux

package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"knockpipe/internal/lab"
)

// TestCheck makes each mistake for real, and -check names it.
func TestCheck(t *testing.T) {
	t.Parallel()
	const (
		good = "Host tango\n\tHostName 198.51.100.2\n\t# Knock: " + sequence + "\n\tProxyCommand knockpipe %h %p\n"
		dual = "Host tango\n\tHostName tango.test\n\t# Knock: " + sequence + "\n\tProxyCommand knockpipe %h %p\n"
	)
	tests := []struct {
		name   string
		config string
		prep   func(t *testing.T, l *lab.Lab)
		flags  string
		code   int
		want   []string // in the report
	}{
		{"good", good, nil, "", 0, []string{
			`ok    ssh runs knockpipe for tango`, `ok    4 knocks from /root/\.ssh/config:3`, `ok    198\.51\.100\.2 is 198\.51\.100\.2`,
			`ok    198\.51\.100\.2 port 22 is shut: refused`, `ok    198\.51\.100\.2 port 22 opened \S+ after the start, at try 1`,
			`ok    SSH-2\.0-OpenSSH_\S+.* answers`, `ok    its ssh-ed25519 key SHA256:\S+ is known: \S+known_hosts:1`}},
		{"the door shuts again", good, nil, "-wait", 0, []string{`ok    the door is shut again after \d+s`}},
		{"both families", dual, hostsFile("2001:db8::2 tango.test\n198.51.100.2 tango.test\n"), "", 0, []string{
			`ok    2001:db8::2 port 22 opened`, `ok    198\.51\.100\.2 port 22 opens too`}},
		{"IPv6 without a guard", dual, func(t *testing.T, l *lab.Lab) {
			hostsFile("2001:db8::2 tango.test\n198.51.100.2 tango.test\n")(t, l)
			l.Server.Nft(t, "insert rule inet knockpipe_22 door meta nfproto ipv6 accept")
		}, "", 0, []string{`warn  2001:db8::2 port 22 is open before the knock`}},
		{"no guard any more", good, func(t *testing.T, l *lab.Lab) {
			l.Server.Nft(t, "delete table inet knockpipe_22")
		}, "", 0, []string{`warn  198\.51\.100\.2 port 22 is open before the knock, .*\n      is the guard loaded\? A trial may be over, `}},
		{"IPv6 dead", dual, func(t *testing.T, l *lab.Lab) {
			hostsFile("2001:db8::2 tango.test\n198.51.100.2 tango.test\n")(t, l)
			l.Server.Nft(t, "insert rule inet knockpipe_22 prerouting meta nfproto ipv6 meta l4proto tcp drop")
		}, "", 0, []string{`ok    2001:db8::2 port 22 is shut: silent`, `warn  2001:db8::2 port 22 stays silent after the knock`}},
		{"wrong knock", strings.Replace(good, "45678", "45679", 1), nil, "-w 1", 1, []string{
			`fail  4 knocks sent \d+ times to 198\.51\.100\.2, port 22 refused for 1s\n      the host answers but its door stays shut`}},
		{"no knock", strings.Replace(good, "# Knock", "## Knock", 1), nil, "", 1, []string{
			`warn  no knock is configured for tango`, `fail  198\.51\.100\.2 port 22 is refused, and no knock is configured`}},
		{"no ProxyCommand", strings.Replace(good, "ProxyCommand", "#", 1), nil, "", 1, []string{`fail  ssh has no ProxyCommand for tango\n      write: ProxyCommand knockpipe %h %p`}},
		{"another ProxyCommand", strings.Replace(good, "knockpipe", "nc", 1), nil, "", 0, []string{`warn  the ProxyCommand for tango is not knockpipe`}},
		{"ProxyCommand without %p", strings.Replace(good, " %p", "", 1), nil, "", 1, []string{
			`fail  the ProxyCommand for tango does not work: no port given\n      write: ProxyCommand knockpipe %h %p`}},
		{"ProxyCommand without %h", strings.Replace(good, " %h", "", 1), nil, "", 1, []string{
			`fail  the ProxyCommand for tango does not work: no port given\n      write: ProxyCommand knockpipe %h %p`}},
		{"ProxyCommand with a knock for a port", strings.Replace(good, "%p", "12345/tcp", 1), nil, "", 1, []string{
			`fail  the ProxyCommand for tango does not work: bad port \.\.\.: not a number between 1 and 65535`}},
		{"ProxyCommand with a knock as the port", strings.Replace(good, "%p", sequence, 1), nil, "-w 1", 1, []string{
			`warn  the ProxyCommand for tango names another port than ssh does\n      write: ProxyCommand knockpipe %h %p`}},
		{"ProxyCommand for another host", strings.Replace(good, "%h", "203.0.113.2", 1), nil, "", 0, []string{
			`warn  the ProxyCommand for tango names another host than ssh does\n      put that name in HostName, and write: ProxyCommand knockpipe %h %p`}},
		{"ProxyCommand with the alias as its host", strings.Replace(good, "%h", "%n", 1), hostsFile(""), "", 1, []string{
			`fail  tango: .*\n      it is an alias in the config \(.*\): pass its HostName, 198\.51\.100\.2`}},
		{"ProxyCommand that only knocks", strings.Replace(good, "%h", "-k %h", 1), nil, "", 1, []string{
			`fail  the ProxyCommand for tango does not work: with -k it makes no connection`}},
		{"ProxyCommand with a bad option", strings.Replace(good, "%h", "-q %h", 1), nil, "", 1, []string{
			`fail  the ProxyCommand for tango does not work: unknown option: -q`}},
		{"ProxyCommand with a comment", strings.Replace(good, "%p", "%p # %h", 1), nil, "", 0, []string{`ok    ssh runs knockpipe for tango`}},
		{"ProxyCommand for the shell", strings.Replace(good, "knockpipe %h %p", `sh -c "knockpipe %h"`, 1), nil, "", 0, []string{
			`ok    ssh runs knockpipe for tango\n      the command is more than a call of knockpipe, so its options are not checked`}},
		{"ProxyCommand through a host", strings.Replace(good, "knockpipe", "ssh -F /dev/null gate knockpipe", 1), nil, "", 0, []string{`ok    ssh runs knockpipe for tango`}},
		{"ProxyCommand that jumps", strings.Replace(good, "knockpipe %h %p", "ssh -W %h:%p gate", 1), nil, "", 0, []string{
			`warn  the knock for tango is not used: ssh reaches it through another host\n      if it is guarded, write above that: ProxyCommand ssh JUMPHOST knockpipe %h %p`}},
		{"ProxyCommand with a list", strings.Replace(good, "%p", "%p once:/root/.ssh/list", 1), inHome("list", " 7001,7002,7003\n 7004,7005,7006\n"), "", 0, []string{
			`ok    1 knock from the ProxyCommand`, `warn  did not knock, `}},
		{"ProxyCommand with the knock", strings.NewReplacer("# Knock", "## Knock", "%p", "%p "+sequence).Replace(good), nil, "", 0, []string{
			`ok    4 knocks from the ProxyCommand`}},
		{"ProxyCommand with a file", strings.NewReplacer("# Knock", "## Knock", "%h", "-f ~/.ssh/mine %h").Replace(good),
			inHome("mine", "Host tango\nHostName 198.51.100.2\nKnock "+sequence+"\n"), "", 0, []string{`ok    4 knocks from /root/\.ssh/mine:3`}},
		{"ProxyCommand with exec and quotes", strings.NewReplacer("# Knock", "## Knock", "knockpipe", `exec "/usr/bin/knockpipe" -f "/root/.ssh/mine"`).Replace(good),
			inHome("mine", "Host tango\nHostName 198.51.100.2\nKnock "+sequence+"\n"), "", 0, []string{`ok    4 knocks from /root/\.ssh/mine:3`}},
		{"only a pattern, in a file", strings.NewReplacer("# Knock", "## Knock", "%h", "-f ~/.ssh/mine %h").Replace(good),
			inHome("mine", "Host tang?\nHostName 198.51.100.2\nKnock "+sequence+"\n"), "", 1, []string{
				`fail  tango has a knock, .*\n      write: ProxyCommand knockpipe -f /root/\.ssh/mine -n %n %h %p`}},
		{"file that the ProxyCommand does not name", "Include mine\n", inHome("mine", good+"Host *\nUserKnownHostsFile /dev/null\n"), "-f /root/.ssh/mine", 0, []string{
			`warn  the ProxyCommand for tango does not pass -f, so knockpipe reads only the usual files\n      if you run ssh -F /root/\.ssh/mine, write: ProxyCommand knockpipe -f /root/\.ssh/mine %h %p`}},
		{"usual file", good, nil, "-f /root/.ssh/config", 0, []string{`ok    ssh runs knockpipe for tango`}},
		{"ProxyJump above", "Host *o\n\tProxyJump gate\n" + good, nil, "", 0, []string{
			`warn  the knock for tango is not used: ssh reaches it through ProxyJump gate\n      if it is guarded, write above that: ProxyCommand ssh JUMPHOST knockpipe %h %p`}},
		{"only a pattern", strings.Replace(good, "tango\n", "tang?\n", 1), nil, "", 1, []string{
			`fail  tango has a knock, but its HostName 198\.51\.100\.2 does not lead to it\n      write: ProxyCommand knockpipe -n %n %h %p`}},
		{"only a pattern, and the name is passed", strings.NewReplacer("tango\n", "tang?\n", "%h", "-n %n %h").Replace(good), nil, "", 0, []string{
			`ok    4 knocks from /root/\.ssh/config:3`}},
		{"the name is passed, and a user is typed", strings.NewReplacer("tango\n", "tang?\n", "%h", "-n %n %h").Replace(good), nil, "root@", 0, []string{
			`ok    4 knocks from /root/\.ssh/config:3`}},
		{"only of a user", strings.Replace(good, "\t# Knock", "Match originalhost tango user root\n\t# Knock", 1), nil, "-l root", 0, []string{
			`ok    4 knocks from`}},
		{"only of another user", strings.NewReplacer("\t# Knock", "Match originalhost tango user bob\n\t# Knock", "\tProxy", "Host *\n\tProxy").Replace(good), nil, "-l bob", 1, []string{
			`fail  tango has a knock, but its HostName 198\.51\.100\.2 does not lead to it\n      write: ProxyCommand knockpipe -n %n -l %r %h %p`}},
		{"two that differ", good + "Host romeo\n\tHostName 198.51.100.2\n\t# Knock: 7001 7002\n", nil, "", 1, []string{
			`fail  198\.51\.100\.2 may be tango \(.*config:3\) or romeo \(.*config:7\), and their settings differ\n      pass the alias too: knockpipe -n %n %h %p`}},
		{"two that differ, and the name is passed", strings.Replace(good, "%h", "-n %n %h", 1) + "Host romeo\n\tHostName 198.51.100.2\n\t# Knock: 7001 7002\n",
			nil, "", 0, []string{`ok    4 knocks from /root/\.ssh/config:3`}},
		{"another without a knock", good + "Host romeo\n\tHostName 198.51.100.2\n", nil, "", 0, []string{
			`warn  /root/\.ssh/config:\d+: romeo also has HostName 198\.51\.100\.2, but no knock of its own`}},
		{"fdpass without -F", good + "\tProxyUseFdpass yes\n", nil, "", 1, []string{`fail  ProxyUseFdpass is set, but knockpipe is run without -F`}},
		{"-F without fdpass", strings.Replace(good, "%h", "-F %h", 1), nil, "", 1, []string{`fail  knockpipe is run with -F, but ProxyUseFdpass is not set`}},
		{"timeouts", good + "\t# KnockTimeout: 20\n\tConnectTimeout 5\n", nil, "", 0, []string{`warn  KnockTimeout is 20s, but ssh's ConnectTimeout cuts it to 4\.5s`}},
		{"comment above its Host", "# Knock: " + sequence + "\n" + strings.Replace(good, "# Knock", "## Knock", 1), nil, "", 0, []string{`warn  /root/\.ssh/config:1: the knock is above Host tango, not below it`}},
		{"void IgnoreUnknown", "IgnoreUnknown UseKeychain\nIgnoreUnknown Knock*\n" + strings.Replace(good, "# Knock:", "Knock", 1), nil, "", 1,
			[]string{`fail  ssh: .*[Bb]ad configuration option: knock`, `warn  /root/\.ssh/config:2: .*IgnoreUnknown`}},
		{"writable by others", good, func(t *testing.T, l *lab.Lab) {
			if err := os.Chmod(homeOf(l)+"/.ssh/config", 0o666); err != nil {
				t.Fatal(err)
			}
		}, "", 1, []string{`fail  ssh: Bad owner or permissions on /root/\.ssh/config`, `fail  Bad owner or permissions on /root/\.ssh/config`}},
		{"bad knock", strings.Replace(good, "12345", "12345x", 1), nil, "", 1, []string{`fail  /root/\.ssh/config:3:\d+: Knock: knock 1 of 4: not a port number`}},
		{"unknown protocol", strings.Replace(good, "12345", "sctp:12345", 1), nil, "", 1, []string{`fail  /root/\.ssh/config:3:\d+: Knock: knock 1 of 4: unknown protocol "sctp"`}},
		{"10,000 knocks", strings.Replace(good, "12345", strings.Repeat("1,", 9999)+"1", 1), nil, "", 1, []string{`fail  /root/\.ssh/config:3:\d+: Knock: 10003 knocks: a sequence has at most 64`}},
		{"unbalanced quotes", strings.Replace(good, "12345", `"12345`, 1), nil, "", 1, []string{`fail  /root/\.ssh/config:3:\d+: Knock: unbalanced quotes`}},
		{"unknown keyword in the side file", good, inHome("knock_config", "KnockTimout 5\n"), "", 1, []string{`fail  /root/\.ssh/knock_config:1: unknown keyword "KnockTimout": did you mean KnockTimeout\?`}},
		{"Include loop", good + "\tInclude ~/.ssh/again\n", inHome("again", "Include ~/.ssh/again\n"), "", 1, []string{`fail  ssh: .*Too many recursive`, `fail  /root/\.ssh/again:1: includes nested more than 16 deep`}},
		{"pauses too long", strings.Replace(good, "12345", "pause:9s 12345", 1), nil, "", 1, []string{`fail  the pauses in the sequence take 9s, but opening may take only 8s\n      allow more time`}},
		{"network down", good, func(t *testing.T, l *lab.Lab) { l.Client.LinkDown(t) }, "", 1, []string{
			`warn  198\.51\.100\.2 port 22 is unreachable: network is unreachable`, `fail  198\.51\.100\.2: knock 1 of 4 \(tcp\): network is unreachable`}},
		{"list that would be used up", strings.Replace(good, sequence, "once:list", 1), inHome("list", " 7001,7002,7003\n 7004,7005,7006\n"), "", 0, []string{
			`warn  once:/root/\.ssh/list: 2 sequences left\n      make a new list`,
			`warn  did not knock, .*\n      to knock anyway: knockpipe -check tango 22 once:/root/\.ssh/list$`}},
		{"unknown name", strings.Replace(good, "198.51.100.2", "nowhere.test", 1), hostsFile(""), "", 1, []string{`fail  nowhere\.test: `}},
		{"key not known", good + "\tUserKnownHostsFile none\n", nil, "", 0, []string{`warn  its ssh-ed25519 key SHA256:\S+ is not known`}},
		{"known_hosts that is no file", good + "\tUserKnownHostsFile ~/.ssh/fifo /dev/zero\n", func(t *testing.T, l *lab.Lab) {
			if err := syscall.Mkfifo(homeOf(l)+"/.ssh/fifo", 0o600); err != nil {
				t.Fatal(err)
			}
		}, "", 0, []string{`warn  its ssh-ed25519 key SHA256:\S+ is not known`}},
		{"HostName that is an option", strings.Replace(good, "198.51.100.2", "-sevil", 1), nil, "", 1, []string{`fail  -sevil: not a host name or address`}},
		{"another key", good + "\tHostKeyAlias moon\n\tUserKnownHostsFile ~/.ssh/other\n", inHome("other",
			"moon ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"), "", 1, []string{`fail  its ssh-ed25519 key SHA256:\S+ differs from the one in /root/\.ssh/other:1`}},
		{"no sshd", good + "\tPort 2323\n", func(t *testing.T, l *lab.Lab) {
			l.Server.Nft(t, "insert rule inet knockpipe_22 prerouting tcp dport 2323 goto door")
			greeter(t, l.Server.Listen(t, "tcp4", ":2323"))
		}, "", 1, []string{`fail  no SSH server answers: `}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			l.Server.NftFile(t, "examples/nftables.conf")
			sshd := l.Server.SSHD(t)
			rest, err := os.ReadFile(sshd.ClientConfig(t, ""))
			if err != nil {
				t.Fatal(err)
			}
			home := t.TempDir()
			homes.Store(l, home)
			if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(home, ".ssh", "config"), append([]byte(tt.config), rest...), 0o600); err != nil {
				t.Fatal(err)
			}
			l.Client.Bind(t, home, "/root")
			if tt.prep != nil {
				tt.prep(t, l)
			}
			cmd := knockpipe(t, l, strings.Replace("-check "+tt.flags+" tango", "@ ", "@", 1))
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("exit code %v, want %v", code, tt.code)
			}
			for _, want := range tt.want {
				if !regexp.MustCompile("(?m)^" + want).Match(out) {
					t.Errorf("the report lacks %q:\n%s", want, out)
				}
			}
			for _, port := range strings.Fields(sequence) {
				if regexp.MustCompile(`\b` + port + `\b`).Match(out) { // and not in the number of a folder
					t.Errorf("the report shows a port of the sequence:\n%s", out)
				}
			}
			want := 1
			if strings.Contains(string(out), "did not knock") {
				want = 0
			}
			if want > 0 && tt.code == 0 {
				sshd.Await("Connection from ") // the report may be ahead of the log
			}
			sshd.Settle()
			if got := sshd.Connections(); got > want || tt.code == 0 && got != want {
				t.Errorf("sshd saw %d connections, want at most %d:\n%s", got, want, sshd.Log())
			}
			if got := l.Server.Handshakes(t); got > 1 {
				t.Errorf("the server's kernel completed %d handshakes, want at most one", got)
			}
		})
	}
}

func hostsFile(text string) func(*testing.T, *lab.Lab) {
	return func(t *testing.T, l *lab.Lab) {
		l.Client.WriteFile(t, "/etc/hosts", text)
		l.Client.WriteFile(t, "/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
	}
}

// inHome writes a file beside the client's config.
func inHome(name, text string) func(*testing.T, *lab.Lab) {
	return func(t *testing.T, l *lab.Lab) {
		if err := os.WriteFile(homeOf(l)+"/.ssh/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// homes are the clients' homes.
var homes sync.Map

func homeOf(l *lab.Lab) string {
	home, _ := homes.Load(l)
	return fmt.Sprint(home)
}

// greeter is a server that is not an sshd.
func greeter(t *testing.T, listener net.Listener) {
	t.Helper()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, "220 mail.test ESMTP\r\n")
			conn.Close()
		}
	}()
}
