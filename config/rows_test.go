package config_test

import (
	"strings"
	"testing"
)

// TestValues has HostName, Port and what stands beside keywords that are none of
// ours: their lines must not be mistaken for something else.
func TestValues(t *testing.T) {
	checkRows(t, []row{
		{"port of another host", "Host db\n Port 9\n", "web", "port 22"},
		{"ProxyCommand with '#'", "ProxyCommand nc %h %p # x\nUser ok\n", "web", "user ok"},
		{"ProxyCommand with a quoted '#'", "ProxyCommand sh -c 'echo \"#1\"'\nUser ok\n", "web", "user ok"},
		{"quoted ProxyCommand", "ProxyCommand \"nc %h %p\"\nUser ok\n", "web", "user ok"},
		{"ProxyCommand =nc", "ProxyCommand =nc %h %p\nUser ok\n", "web", "user ok"},
		{"ProxyCommand and ProxyJump", "ProxyJump jj\nProxyCommand pp\nUser ok\n", "web", "user ok"},
		{"ProxyCommand none", "Host web\n ProxyCommand none\n User ok\nHost *\n ProxyCommand x\n", "web", "user ok"},
		{"HostName with what looks like a variable", "HostName ${home}x\n", "web", "hostname ${home}x"},
		{"LocalCommand", "LocalCommand a   b\t c\nUser ok\n", "web", "user ok"},
		{"IdentityFile with '#'", "IdentityFile ~/.ssh/id#1\nUser ok\n", "web", "user ok"},
		{"deprecated keyword", "UseRoaming no\nUser ok\n", "web", "user ok"},
		{"IgnoreUnknown before", "IgnoreUnknown Knock\nHost web\n Knock 1 2\n User hit\n", "web", "user hit"},
		{"IgnoreUnknown in the block", "Host web\n IgnoreUnknown Knock\n Knock 1 2\n User hit\n", "web", "user hit"},
		{"IgnoreUnknown of a list", "IgnoreUnknown UseKeychain,Knock*\nHost web\n KnockHost a\n User hit\n", "web", "user hit"},
		{"IgnoreUnknown in upper case", "IgnoreUnknown KNOCK\nHost web\n knock 1 2\n User hit\n", "web", "user hit"},
		{"first value", "Host web\n User one\n User two\nHost *\n User three\n", "web", "user one"},
		{"%h", "Host web\n HostName %h.example.com\n", "web", "hostname web.example.com"},
		{"%% and %h", "HostName a%%.%h\n", "web", "hostname a%.web"},
		{"service", "Port ssh\n", "web", "port 22"},
		{"leading zeros", "Port 0022\n", "web", "port 22"},
		{"quoted port", "Port \"2222\"\n", "web", "port 2222"},
	})
}

// TestMatch has Match lines, except those for which ssh would run a command: knockpipe
// does not decide them.
func TestMatch(t *testing.T) {
	const alias = "Host web\n HostName 10.0.0.1\n"
	stars := strings.Repeat("*", 1022) // ssh compares patterns of a list up to this length
	checkRows(t, []row{
		{"host of another", "Match host db\n User hit\n" + miss, "web", "user miss"},
		{"both must hold", "Match host web user nobody\n User hit\n" + miss, "web", "user miss"},
		{"a criterion is no pattern", "Match host web user root\n Port 9\n", "root", "port 22"},
		{"exec of no", "Match host web exec \"false\"\n User hit\n" + miss, "web", "user miss"},
		{"exec after what does not hold", "Match host db exec \"true\"\n User hit\n" + miss, "web", "user miss"},
		{"alias after HostName", alias + "Match host web\n User hit\n" + miss, "web", "user miss"},
		{"!all", "Match !all\n User hit\n" + miss, "web", "user miss"},
		{"!host", "Match !host web\n User hit\n" + miss, "web", "user miss"},
		{"negated in a list", "Match host w*,!web\n User hit\n" + miss, "web", "user miss"},
		{"canonical at first", "Match canonical\n User hit\n" + miss, "web", "user miss"},
		{"canonical all", "Match canonical all\n User hit\n" + miss, "web", "user miss"},
		{"user before User", "Match user git\n Port 9\nHost *\n User git\n", "web", "port 22"},
		{"long pattern", "Match host " + stars + "*\n User hit\n" + miss, "web", "user miss"},
		{"long pattern after one that matches", "Match host web," + stars + "*\n User hit\n" + miss, "web", "user miss"},
		{"localuser of another", "Match localuser !root,nobody\n User hit\n" + miss, "web", "user miss"},

		{"all", "Match all\n User hit\n" + miss, "web", "user hit"},
		{"All", "Match All\n User hit\n" + miss, "web", "user hit"},
		{"match all", "match all\n User hit\n" + miss, "web", "user hit"},
		{"Match=host web", "Match=host web\n User hit\n" + miss, "web", "user hit"},
		{"host", "Match host web\n User hit\n" + miss, "web", "user hit"},
		{"host=web", "Match host=web\n User hit\n" + miss, "web", "user hit"},
		{"quoted", "Match host \"web\"\n User hit\n" + miss, "web", "user hit"},
		{"list, first", "Match host web,db\n User hit\n" + miss, "web", "user hit"},
		{"list, last", "Match host db,web\n User hit\n" + miss, "web", "user hit"},
		{"longest pattern", "Match host " + stars + ",db\n User hit\n" + miss, "web", "user hit"},
		{"long word of Host", "Host " + stars + "*\n User hit\n" + miss, "web", "user hit"},
		{"second reading by a shorter address", "Host fe80::1\n User hit\nHost web\n HostName FE80::0:1\nMatch final\n", "web", "user hit"},
		{"quoted list", "Match host \"web,db\"\n User hit\n" + miss, "db", "user hit"},
		{"negated in a list", "Match host w*,!db\n User hit\n" + miss, "web", "user hit"},
		{"case of a host", "Match host WEB\n User hit\n" + miss, "web", "user hit"},
		{"!host", "Match !host db\n User hit\n" + miss, "web", "user hit"},
		{"comment", "Match host web # db\n User hit\n" + miss, "web", "user hit"},
		{"originalhost", alias + "Match originalhost web\n User hit\n" + miss, "web", "user hit"},
		{"host after HostName", alias + "Match host 10.0.0.1\n User hit\n" + miss, "web", "user hit"},
		{"host after %h", "HostName %h.lan\nMatch host web.lan\n User hit\n" + miss, "web", "user hit"},
		{"user after User", "User git\nMatch user git\n Port 9\n", "web", "port 9"},
		{"final", "Host web\n Port 5\nMatch final\n User hit\n", "web", "user hit"},
		{"final all", "Host web\n Port 5\nMatch final all\n User hit\n", "web", "user hit"},
		{"!final", "Match !final\n User hit\n" + miss, "web", "user hit"},
		{"second reading by HostName", "Host web.lan\n User hit\nHost web\n HostName %h.lan\nMatch final\n", "web", "user hit"},
		{"asked for in a block that does not apply", "Host web.lan\n User hit\nHost db\n Match final\nHost web\n HostName %h.lan\n", "web", "user hit"},
		{"canonical the second time", "CanonicalizeHostname yes\nMatch canonical\n User hit\n" + miss, "web", "user miss"},
		{"canonicalize", "CanonicalizeHostname yes\nMatch canonical\n User hit\n", "web", "user hit"},
		{"canonicalize with a comment", "CanonicalizeHostname yes # so\nMatch canonical\n User hit\n", "web", "user hit"},
		{"canonicalize in quotes", "CanonicalizeHostname \"yes\"\nMatch canonical\n User hit\n", "web", "user hit"},
		{"no canonicalize", "CanonicalizeHostname no\nMatch canonical\n User hit\n" + miss, "web", "user miss"},
	})
}

// TestMatchUser compares the user of ssh -l, which comes before User.
func TestMatchUser(t *testing.T) {
	h := newHome(t, map[string]string{"config": "User git\n" +
		"Match user git\n # Knock: 1\nMatch user deploy\n # Knock: 2\nMatch localuser ann\n # Knock: 3\n"})
	for _, tt := range []struct{ user, want string }{
		{"someone", "3"},
		{"", "1"},
		{"git", "1"},
		{"deploy", "2"},
	} {
		if got := h.ask(query("web", tt.user)); got != tt.want {
			t.Errorf("user %q: got %v, want %v", tt.user, got, tt.want)
		}
	}
	h = newHome(t, map[string]string{"config": "Match user ann\n # Knock: 1\n"})
	if got := h.knockOf("web"); got != "1" {
		t.Errorf("without any user the local one counts: got %v, want 1", got)
	}
}
