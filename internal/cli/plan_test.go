package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/check"
	"knockpipe/internal/ip"
)

// TestPlan merges the command line and a config.
func TestPlan(t *testing.T) {
	const knock = "# Knock: 1 2\n"
	tests := []struct {
		name, config, args string
		limit              time.Duration
		family             ip.Family
		knocks             string
	}{
		{"nothing", "", "", 0, ip.Any, ""},
		{"a knock needs a deadline", knock, "", 8 * time.Second, ip.Any, "1 2"},
		{"KnockTimeout", knock + "# KnockTimeout: 20", "", 20 * time.Second, ip.Any, "1 2"},
		{"KnockTimeout without a knock", "# KnockTimeout: 20", "", 0, ip.Any, ""},
		{"-w", knock + "# KnockTimeout: 20\nConnectTimeout 5", "-w 30", 30 * time.Second, ip.Any, "1 2"},
		{"ConnectTimeout is longer", knock + "ConnectTimeout 30", "", 8 * time.Second, ip.Any, "1 2"},
		{"ConnectTimeout is shorter", knock + "ConnectTimeout 5", "", 4500 * time.Millisecond, ip.Any, "1 2"},
		{"ConnectTimeout of a second", knock + "ConnectTimeout 1", "", 900 * time.Millisecond, ip.Any, "1 2"},
		{"ConnectTimeout without a knock", "ConnectTimeout 1m", "", 59500 * time.Millisecond, ip.Any, ""},
		{"AddressFamily", "AddressFamily inet6", "", 0, ip.V6, ""},
		{"-4 over AddressFamily", "AddressFamily inet6", "-4", 0, ip.V4, ""},
		{"another block", "Host other\n" + knock, "", 0, ip.Any, ""},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(tt.config), 0o600); err != nil {
			t.Fatal(err)
		}
		for knocks, args := range map[string]string{tt.knocks: "tango 22", "3": "tango 22 3"} {
			o, err := parseOptions(strings.Fields("-f " + path + " " + tt.args + " " + args))
			if err != nil {
				t.Fatal(err)
			}
			p, err := makePlan(o, os.Getenv)
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			if got := p.knocks.String(); got != knocks {
				t.Errorf("%s, %s: got the knock %q, want %q", tt.name, args, got, knocks)
			}
			if knocks != tt.knocks {
				continue
			}
			if p.limit.time != tt.limit || p.family != tt.family {
				t.Errorf("%s: got %v over %v, want %v over %v", tt.name, p.limit.time, p.family, tt.limit, tt.family)
			}
		}
	}
}

// TestHideWords has ssh's complaints about lines of its config.
func TestHideWords(t *testing.T) {
	for _, tt := range []struct{ said, want string }{
		{"/root/.ssh/config: line 2: Bad configuration option: knock", ""},
		{"/root/.ssh/config: line 2: Bad configuration option: knockdelay", ""},
		{"/root/.ssh/config: line 2: Bad configuration option: knock:4471", "/root/.ssh/config: line 2: Bad configuration option: ..."},
		{"/root/.ssh/config: line 2: Bad configuration option: knock-sesame", "/root/.ssh/config: line 2: Bad configuration option: ..."},
		{"/root/.ssh/config: line 2: Bad configuration option: knocksesame", "/root/.ssh/config: line 2: Bad configuration option: ..."},
		{`/root/.ssh/config line 12: no argument after keyword "knock,sesame"`, "/root/.ssh/config line 12: no argument after keyword ..."},
		{"Missing Match criteria for 4471", "Missing Match criteria for ..."},
		{"Bad owner or permissions on /root/.ssh/config", ""},
		{"Can't open user config file /root/mine: No such file or directory", ""},
		{"exit status 255", ""},
		{".ssh/mine: line 1: Bad configuration option: knock sesame", ".ssh/mine: line 1: Bad configuration option: knock ..."},
	} {
		if tt.want == "" {
			tt.want = tt.said
		}
		if got := hideWords(tt.said, ".ssh/mine"); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.said, got, tt.want)
		}
	}
}

// TestCheckHost asks for the host that ssh passes, even if it is also an alias of another
// one.
func TestCheckHost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte("Host gate\n HostName 192.0.2.7\n # Knock: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for ssh, want := range map[string]string{"": "192.0.2.7", "gate": "gate"} {
		o, err := parseOptions([]string{"-check", "-f", path, "gate"})
		if err != nil {
			t.Fatal(err)
		}
		o.fill(check.SSHConfig{"hostname": ssh, "port": "22"}, nil, "tango")
		if p, err := makePlan(o, os.Getenv); err != nil || p.host != want {
			t.Errorf("ssh says %q: got %v, %v, want %s", ssh, p, err, want)
		}
	}
}

// TestCheckLogin asks for the user only as the ProxyCommand does.
func TestCheckLogin(t *testing.T) {
	for _, tt := range []struct{ command, typed, want string }{
		{"knockpipe %h %p", "", ""},
		{"knockpipe %h %p", "bob", ""},
		{"knockpipe -l %r %h %p", "", "ann"},
		{"knockpipe -l %r %h %p", "bob", "bob"},
		{"sh -c 'knockpipe %h %p'", "bob", ""},
		{"sh -c 'knockpipe -l %r %h %p'", "", "ann"},
		{"none", "bob", "bob"},
	} {
		o := &options{mode: checkMode, host: "tango", login: tt.typed}
		c := check.SSHConfig{"hostname": "tango", "port": "22", "user": "ann", "proxycommand": tt.command}
		call, err := readCall(c, "tango", "/root")
		if err != nil {
			t.Errorf("%s: %v", tt.command, err)
		}
		if o.fill(c, call, "tango"); o.login != tt.want {
			t.Errorf("%s, -l %s: got %q, want %q", tt.command, tt.typed, o.login, tt.want)
		}
	}
}
