package config_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"knockpipe/config"
)

// TestAlias asks for a HostName, as "knockpipe %h %p" does, and finds what stands
// under the alias.
func TestAlias(t *testing.T) {
	const (
		tango   = "Host tango\n HostName 192.0.2.7\n # Knock: 1\n"
		differ  = "error: 192.0.2.7 may be tango (~/.ssh/config:3) or %s, and their settings differ"
		percent = "Host *.org !tango*\n User x\nHost tango t\n HostName %h.example.org\n # Knock: 1\n"
	)
	for _, tt := range []struct {
		name, side, config, host string
		port                     uint16
		want                     string // alias and knock
	}{
		{"two knocks", "", tango + "Host b\n HostName 192.0.2.7\n # Knock: 2\n", "192.0.2.7", 22, fmt.Sprintf(differ, "b (~/.ssh/config:6)")},
		{"two knocks, neither of this port", "", tango + " Port 22\nHost b\n HostName 192.0.2.7\n Port 2222\n # Knock: 2\n", "192.0.2.7", 2200,
			fmt.Sprintf(differ, "b (~/.ssh/config:8)")},
		{"two knocks, no port", "", tango + "Host b\n HostName 192.0.2.7\n Port 2222\n # Knock: 2\n", "192.0.2.7", 0, fmt.Sprintf(differ, "b (~/.ssh/config:7)")},
		{"none is a knock too", "", tango + "Host b\n HostName 192.0.2.7\n # Knock: none\n", "192.0.2.7", 22, fmt.Sprintf(differ, "b (~/.ssh/config:6)")},
		{"a pattern's knock", "", tango + "Host 192.*\n # Knock: 2\n", "192.0.2.7", 22, fmt.Sprintf(differ, "192.0.2.7 (~/.ssh/config:5)")},
		{"same knock, another timeout", "", tango + "Host b\n HostName 192.0.2.7\n # Knock: 1\n # KnockTimeout: 3\n", "192.0.2.7", 22,
			fmt.Sprintf(differ, "b (~/.ssh/config:6)")},
		{"five", "", blocks(6, "Host h@\n HostName 192.0.2.7\n # Knock: 1@\n"), "192.0.2.7", 22,
			"error: 192.0.2.7 may be h0 (~/.ssh/config:3) or h1 (~/.ssh/config:6) or h2 (~/.ssh/config:9) or h3 (~/.ssh/config:12) or one of 2 more, and their settings differ"},
		{"65", "", blocks(65, "Host h@\n HostName 192.0.2.7\n Port @\n # Knock: 1\n"), "192.0.2.7", 1, "error: 192.0.2.7: more than 64 of its aliases have a knock"},
		{"5,000", "", blocks(5000, "Host h@\n HostName 192.0.2.7\n Port @\n # Knock: 1\n"), "192.0.2.7", 1, "error: 192.0.2.7: too many blocks may apply"},
		{"5,000 that another HostName hides", "", "Host h*\n HostName b\n" + blocks(5000, "Host h@\n HostName 192.0.2.7\n # Knock: 1\n"), "192.0.2.7", 22,
			"error: 192.0.2.7: too many blocks may apply"},
		{"20,000 names", "", "Host" + blocks(20000, " h@") + "\n HostName 192.0.2.7\n # Knock: 1\n", "192.0.2.7", 22, "error: 192.0.2.7: too many blocks may apply"},
		{"20,000 names, and a pattern", "", "Host" + blocks(20000, " h@") + " w*\n HostName 192.0.2.7\n # Knock: 1\n", "192.0.2.7", 22,
			"error: 192.0.2.7: too many blocks may apply"},
		{"500 names, included 500 times", "", blocks(500, "Include in3\n"), "192.0.2.7", 22, "error: 192.0.2.7: too many blocks may apply"},
		{"5,000 patterns", "", blocks(5000, "Host h@ w@*\n HostName 192.0.2.7\n # Knock: 1\n"), "192.0.2.7", 22, "error: 192.0.2.7: too many blocks may apply"},
		{"a knock that cannot be read", "", "Host tango\n HostName 192.0.2.7\n # Knock: x\n", "192.0.2.7", 22,
			"error: ~/.ssh/config:3:11: Knock: knock 1 of 1: not a port number"},
		{"the same on another port", "", tango + "Host b\n HostName 192.0.2.7\n Port 2222\n # Knock: x\n", "192.0.2.7", 2222,
			"error: ~/.ssh/config:7:11: Knock: knock 1 of 1: not a port number"},
		{"fwknop, by two names", "", "Host a b\n HostName 192.0.2.7\n # Knock: fwknop\n", "192.0.2.7", 22,
			"error: 192.0.2.7 may be a (~/.ssh/config:3) or b (~/.ssh/config:3), and fwknop takes the stanza of that name: write fwknop:STANZA"},
		{"fwknop, and another timeout", "", "Host a\n KnockTimeout 5\nHost a b\n HostName 192.0.2.7\n # Knock: fwknop\n", "192.0.2.7", 22,
			"error: 192.0.2.7 may be a (~/.ssh/config:5) or b (~/.ssh/config:5), and their settings differ"},

		{"the alias itself", "", tango, "tango", 22, "tango 1"},
		{"another host", "", tango, "192.0.2.8", 22, "192.0.2.8 "},
		{"no knock", "", "Host tango\n HostName 192.0.2.7\n", "192.0.2.7", 22, "192.0.2.7 "},
		{"HostName", "", tango, "192.0.2.7", 22, "tango 1"},
		{"any port", "", tango + " Port 2222\n", "192.0.2.7", 5, "tango 1"},
		{"%h", "", percent, "tango.example.org", 22, "tango 1"},
		{"%h, second name", "", percent, "t.example.org", 22, "t 1"},
		{"%h, no alias", "", percent, "u.example.org", 22, "u.example.org "},
		{"%h from a later block", "", "Host tango\n # Knock: 1\nHost *\n HostName %h.example.org\n", "tango.example.org", 22, "tango 1"},
		{"%h of everybody", "", "HostName %h.example.org\nHost tango\n # Knock: 1\n", "tango.example.org", 22, "tango 1"},
		{"%h of a pattern", "", "Host t*\n HostName %h.example.org\n # Knock: 1\nHost tango\n User x\n", "tango.example.org", 22, "tango 1"},
		{"a pattern alone has no aliases", "", "Host web?\n HostName %h.example.org\n # Knock: 1\n", "web1.example.org", 22, "web1.example.org "},
		{"a pattern that is not his", "", "Host tango\n # Knock: 1\nHost u*\n HostName 192.0.2.7\n", "192.0.2.7", 22, "192.0.2.7 "},
		{"negated", "", "Host * !tango\n HostName 192.0.2.7\nHost tango\n # Knock: 1\n", "192.0.2.7", 22, "192.0.2.7 "},
		{"hidden HostName", "", "Host tango\n HostName b\n" + tango, "192.0.2.7", 22, "192.0.2.7 "},
		{"Match originalhost", "", "Match originalhost tango\n HostName 192.0.2.7\n # Knock: 1\n", "192.0.2.7", 22, "tango 1"},
		{"Match host", "", "Match host a,tango\n HostName 192.0.2.7\nHost tango\n # Knock: 1\n", "192.0.2.7", 22, "tango 1"},
		{"Match host is the HostName", "", "Host tango\n HostName 192.0.2.7\nMatch host 192.0.2.7\n # Knock: 1\n", "192.0.2.7", 22, "tango 1"},
		{"Match user", "", "Match originalhost tango user ann\n HostName 192.0.2.7\n # Knock: 1\n", "192.0.2.7", 22, "tango 1"},
		{"Match of another user", "", "Match originalhost tango user bob\n HostName 192.0.2.7\n # Knock: 1\n", "192.0.2.7", 22, "192.0.2.7 "},
		{"second reading", "", "Host tango\n HostName 192.0.2.7\nMatch final host 192.0.2.7\n # Knock: 1\n", "192.0.2.7", 22, "tango 1"},
		{"upper case", "", "Host tango\n HostName Tango.Example.ORG\n # Knock: 1\n", "tango.example.org", 22, "tango 1"},
		{"upper case without HostName", "", "Host Tango.example.org\n # Knock: 1\n", "tango.example.org", 22, "Tango.example.org 1"},
		{"upper case in a Match", "", "Match originalhost x,Tango\n # Knock: 1\n", "tango", 22, "Tango 1"},
		{"upper case with %h", "", "Host Tango\n HostName %h.example.org\n # Knock: 1\n", "tango.example.org", 22, "Tango 1"},
		{"IPv6 without HostName", "", "Host 2001:DB8::0:7\n # Knock: 1\n", "2001:db8::7", 22, "2001:DB8::0:7 1"},
		{"IPv6 in another form", "", "Host tango\n HostName 2001:DB8::0:7\n # Knock: 1\n", "2001:db8::7", 22, "tango 1"},
		{"IPv4 of two numbers", "", "Host tango\n HostName 192.519\n # Knock: 1\n", "192.0.2.7", 22, "tango 1"},
		{"IPv4 of three, octal", "", "Host tango\n HostName 0300.0.01007\n # Knock: 1\n", "192.0.2.7", 22, "tango 1"},
		{"IPv4 in hexadecimal, by its own name", "", "Host 0xC0000207\n # Knock: 1\n", "192.0.2.7", 22, "192.0.2.7 "},
		{"IPv4 in hexadecimal", "", "Host tango\n HostName 0xC0000207\n # Knock: 1\n", "192.0.2.7", 22, "tango 1"},
		{"no IPv4", "", blocks(1, "Host a\n HostName 192.0.2.0.7\n # Knock: 1\nHost b\n HostName 192.0.0x207.\n # Knock: 1\nHost c\n HostName 192.0.1_0.7\n # Knock: 1\n"+
			"Host d\n HostName 0b11.1\n # Knock: 1\nHost e\n HostName 192.0.2.263\n # Knock: 1\n"), "192.0.2.7", 22, "192.0.2.7 "},
		{"quoted", "", "Host \"tango\"\n HostName \"192.0.2.7\"\n # Knock: 1\n", "192.0.2.7", 22, "tango 1"},
		{"side file", "Host tango\nKnock 1\n", "Host tango\n HostName 192.0.2.7\n", "192.0.2.7", 22, "tango 1"},
		{"side file by HostName", "Match host 192.0.2.7\nKnock 1\n", "Host tango\n HostName 192.0.2.7\n", "192.0.2.7", 22, "tango 1"},
		{"included in the block", "", "Host tango\n Include in\n", "192.0.2.7", 22, "tango 1"},
		{"included by its name", "", "Host tango\n HostName 192.0.2.7\n Include of-%n\n", "192.0.2.7", 22, "tango 1"},
		{"included elsewhere", "", "Include in2\nHost tango\n HostName 192.0.2.7\n", "192.0.2.7", 22, "tango 1"},
		{"the name as a pattern too", "", "Host tango 192.0.2.7\n HostName 192.0.2.7\n # Knock: 1\n", "192.0.2.7", 22, "tango 1"},
		{"fwknop by the alias's name", "", "Host tango 192.0.2.7\n HostName 192.0.2.7\n # Knock: fwknop\n", "192.0.2.7", 22, "tango fwknop"},
		{"fwknop by one name", "", "Host a b\n HostName 192.0.2.7\n # Knock: fwknop:a\n", "192.0.2.7", 22, "a fwknop:a"},
		{"a knock on the Host line", "", "Host tango Knock: 3333 4444\n HostName 192.0.2.7\n # Knock: fwknop\n", "192.0.2.7", 22, "tango fwknop"},
		{"the same, without a name", "", "Host Knock:3333 4444\n HostName 192.0.2.7\n # Knock: 1\n", "192.0.2.7", 22, "192.0.2.7 "},
		{"the same, without a colon", "", "Host tango Knock 3333 4444\n HostName 192.0.2.7\n # Knock: fwknop\n", "192.0.2.7", 22, "tango fwknop"},
		{"the same, glued", "", "Host tango a#Knock: 3333\n HostName 192.0.2.7\n # Knock: fwknop\n", "192.0.2.7", 22, "tango fwknop"},
		{"a host called knock", "", "Host knock 10.0.0.1 \n HostName 192.0.2.7\n # Knock: 1\n", "192.0.2.7", 22, "knock 1"},
		{"two with the same knock", "", "Host a b\n HostName 192.0.2.7\n # Knock: 1\n", "192.0.2.7", 22, "a 1"},
		{"two, of other ports and users", "", tango + " Port 1\nHost b\n HostName 192.0.2.7\n User x\n Port 2\n Knock 1\n", "192.0.2.7", 3, "tango 1"},
		{"the port decides", "", tango + "Host b\n HostName 192.0.2.7\n Port 2222\n # Knock: 2\n", "192.0.2.7", 2222, "b 2"},
		{"port 22 decides", "", tango + "Host b\n HostName 192.0.2.7\n Port 2222\n # Knock: 2\n", "192.0.2.7", 22, "tango 1"},
		{"a knock that cannot be read, on another port", "", tango + "Host b\n HostName 192.0.2.7\n Port 2222\n # Knock: x\n", "192.0.2.7", 22, "tango 1"},
		{"only one has a knock", "", "Host a\n HostName 192.0.2.7\n" + tango, "192.0.2.7", 22, "tango 1"},
		{"64", "", blocks(64, "Host h@\n HostName 192.0.2.7\n Port 1@\n # Knock: 1@\n"), "192.0.2.7", 163, "h63 163"},
		{"200 without a knock", "", tango + blocks(200, "Host h@\n HostName 192.0.2.7\n Port @\n"), "192.0.2.7", 7, "tango 1"},
	} {
		h := newHome(t, map[string]string{"knock_config": tt.side, "config": tt.config,
			"in": "HostName 192.0.2.7\n# Knock: 1\n", "of-tango": "# Knock: 1\n", "in2": "Host tango\n# Knock: 1\n", "in3": blocks(500, "Host h@\nHostName 192.0.2.7\n# Knock: 1\n")})
		got := ""
		if s, err := h.Load(config.Query{Name: tt.host, Port: tt.port}); err != nil {
			got = "error: " + h.trim(err.Error())
		} else {
			got = s.Alias + " " + s.Knock.String()
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestAliasNotes checks the notes about what another way of asking would find.
func TestAliasNotes(t *testing.T) {
	const (
		tango   = "Host tango\n HostName 192.0.2.7\n # Knock: 1\n"
		pattern = "~/.ssh/config:%d: a name such as %s has this HostName and this Knock, but knockpipe was told only the HostName: if ssh was given such a name, pass -n %%n (hint)"
	)
	for _, tt := range []struct {
		config string
		port   uint16
		want   string
	}{
		{tango, 22, ""},
		{"Host x?\n HostName %h.0.2.7\n # Knock: 1\nHost 19?\n HostName %h.0.2.7\n # Knock: 1\n", 22, fmt.Sprintf(pattern, 6, "192")},
		{"Host 1*\n # Knock: 1\n\n User x\nHost *\n HostName 192.%h.7\n # Knock: 1\nHost 192*\n # Knock: none\n", 22, ""},
		{"Host *\n HostName 192.%h.7\nHost 0.*\n # Knock: 1\n", 22, fmt.Sprintf(pattern, 4, "0.2")},
		{"Host web? !webx\n HostName 192.0.2.7\n # Knock: 1\n", 22, ""},
		{"Host web?\n HostName 192.0.2.7\n # Knock: 1\n", 22, fmt.Sprintf(pattern, 3, "webx")},
		{"Host web?\n HostName 192.0.2.7\n # Knock: none\n", 22, ""},
		{"Host web?\n HostName 192.0.2.7\n", 22, ""},
		{"Host web?\n HostName 192.0.2.8\n # Knock: 1\n", 22, ""},
		{"Host web?\n HostName %h.0.2.7\n # Knock: 1\n", 22, ""},
		{"Host *\n HostName 192.0.2.7%h\n # Knock: none\n", 22, ""},
		{"Host web? tango\n HostName 192.0.2.7\n # Knock: 1\n", 22, ""},
		{"Host web?\n HostName b\nHost *\n HostName 192.0.2.7\n # Knock: none\n", 22, ""},
		{tango + "Host b\n HostName 192.0.2.7\n", 22, "~/.ssh/config:5: b also has HostName 192.0.2.7, but no knock of its own"},
		{"Host tango\n HostName 192.0.2.7\nHost 192.*\n # Knock: 1\n", 22, "~/.ssh/config:2: tango also has HostName 192.0.2.7, but no knock of its own"},
		{tango + "Host b\n HostName 192.0.2.7\n Port 2222\n # Knock: 2\n", 22,
			"~/.ssh/config:3: port 22 decides: 192.0.2.7 may be tango (~/.ssh/config:3) or b (~/.ssh/config:7)"},
		{"Host tango\n HostName 192.0.2.7\n # Knock 1 2 3\n", 22, "~/.ssh/config:3: this comment is not read as Knock because the colon is missing: write # Knock: ... (hint)"},
		{"Host tango\n HostName 192.0.2.7\n # Knok: 1\n", 22, `~/.ssh/config:3: "Knok" is not a keyword, so this is only a comment: did you mean Knock? (hint)`},
		{"Host a\n User x\n\n# Knock: 1\nHost tango\n HostName 192.0.2.7\n", 22,
			"~/.ssh/config:4: the knock is above Host tango, not below it, so it belongs to the block on line 1 (hint)"},
		{"Host tango # Knock: 1\n HostName 192.0.2.7\n", 22, "~/.ssh/config:1: the comment after Host is not read as Knock: put it on a line of its own, below this one (hint)"},
		{"Match originalhost tango exec true\n HostName 192.0.2.7\nHost tango\n # Knock: 1\n", 22,
			"~/.ssh/config:2: knockpipe cannot tell whether this HostName applies: pass -n %n, and -l %r for Match user (hint)"},
		{"Match originalhost tango user bob\n HostName 192.0.2.7\nHost tango\n # Knock: 1\n", 22,
			"~/.ssh/config:2: knockpipe cannot tell whether this HostName applies: pass -n %n, and -l %r for Match user (hint)"},
		{"Match originalhost tango exec true\n HostName 192.0.2.7\n # Knock: 1\n", 22,
			`~/.ssh/config:1: the knock in Match originalhost tango exec true is not read, because knockpipe cannot evaluate its "exec" (hint)`},
		{"Match originalhost tango user bob\n HostName 192.0.2.7\n # Knock: 1\n", 22,
			`~/.ssh/config:1: the knock in Match originalhost tango user bob is not read, because knockpipe cannot evaluate its "user" (hint)`},
		{"Match host 192.0.2.7 !user ann\n # Knock: 1\nHost tango\n HostName 192.0.2.7\n", 22,
			`~/.ssh/config:1: the knock in Match host 192.0.2.7 !user ann is not read, because knockpipe cannot evaluate its "user" (hint)`},
		{"Match originalhost tango exec true\n # Knock: 1\nHost tango\n HostName 192.0.2.7\n", 22,
			`~/.ssh/config:1: the knock in Match originalhost tango exec true is not read, because knockpipe cannot evaluate its "exec" (hint)`},
	} {
		h := newHome(t, map[string]string{"config": tt.config})
		if got := strings.Join(h.notesOf(t, config.Query{Name: "192.0.2.7", Port: tt.port}), "\n"); got != tt.want {
			t.Errorf("%q: got\n%s\nwant\n%s", tt.config, got, tt.want)
		}
	}
}

// TestAliasRandom asks random configs for a HostName and for the alias that has it. Both
// find the same, or a note or an error says what differs.
func TestAliasRandom(t *testing.T) {
	me := needSSH(t)
	count := 2500
	if testing.Short() {
		count = 250
	}
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	dir, err := filepath.EvalSymlinks(fastDir(t))
	if err != nil {
		t.Fatal(err)
	}
	var found, said, bad int
	for n := range count {
		if *only >= 0 && int64(n) != *only {
			continue
		}
		tree := newTree(*seed, uint64(n), filepath.Join(dir, fmt.Sprint(n)), me.Username, formsOf(me, dir, int64(n)))
		// A pattern has no aliases to try, so all of them stand somewhere.
		tree.files[tree.main()] = append(tree.files[tree.main()], "\nHost "+strings.Join(hosts, " ")+"\n")
		tree.write(t)
		sources := tree.sources(me)
		for i := range 3 {
			alias := hosts[(n+4*i)%len(hosts)]
			exact, err := sources.Load(config.Query{Name: alias, User: tree.query.User, Exact: true})
			if err != nil || exact.Origin("Knock").Line == 0 {
				continue
			}
			q := config.Query{Name: strings.ToLower(alias), User: tree.query.User, Port: 22}
			if exact.HostName != "" {
				q.Name = strings.ToLower(exact.HostName)
			}
			if exact.Port > 0 {
				q.Port = exact.Port
			}
			got, err := sources.Load(q)
			var differ *config.AliasError
			switch {
			case errors.As(err, &differ):
				said++
			case err != nil:
				t.Errorf("-seed %d -config %d: %s\n%s: %v", *seed, n, tree, q.Name, err)
				bad++
			case got.Alias == alias:
				if exact.Notes, got.Notes = nil, nil; !reflect.DeepEqual(exact, got) {
					t.Errorf("-seed %d -config %d: %s\n%s as %s: got %+v, want %+v", *seed, n, tree, q.Name, alias, got, exact)
					bad++
				}
				found++
			case got.Knock.String() == exact.Knock.String():
				found++
			case len(got.Notes) > 0:
				said++
			default:
				t.Errorf("-seed %d -config %d: %s\n%s found %v under %s, and -n %s finds %v", *seed, n, tree, q.Name, got.Knock, got.Alias, alias, exact.Knock)
				bad++
			}
			if bad > 3 {
				return
			}
		}
		os.RemoveAll(tree.dir)
	}
	t.Logf("seed %d: %d found, %d said", *seed, found, said)
	if *only < 0 && found < count/2 {
		t.Errorf("found %d of %d configs: the generator is to be mended", found, count)
	}
}
