package config_test

import (
	"strings"
	"testing"
	"time"
)

// TestNotes has common mistakes. A hint is shown after a failed session even without -v.
func TestNotes(t *testing.T) {
	const undecided = "the knock in Match %s is not read, because knockpipe cannot evaluate its %q"
	tests := []struct {
		name, side, config string
		want               string // the notes, one to a line
	}{
		// a comment above its block
		{"above the first Host", "", "# Knock: 4471\nHost web\n",
			"~/.ssh/config:1: the knock is above Host web, not below it, so it applies to every host (hint)"},
		{"above the second Host", "", "Host db\n User a\n\n# Knock: 4471\nHost web\n User b\n",
			"~/.ssh/config:4: the knock is above Host web, not below it, so it belongs to the block on line 1 (hint)"},
		{"above a Host for others", "", "# Knock: 4471\nHost db\n",
			"~/.ssh/config:1: the knock is above Host db, not below it, so it applies to every host"},
		{"above Match", "", "Host *\n User a\n\n# Knock: 4471\nMatch host web\n",
			"~/.ssh/config:4: the knock is above Match host web, not below it, so it belongs to the block on line 1 (hint)"},
		{"two comments", "", "# Knock: 4471\n# KnockDelay: 3\nHost web\n",
			"~/.ssh/config:2: the knock is above Host web, not below it, so it applies to every host (hint)"},

		// a Match that only ssh can decide
		{"exec", "", "Host a\nMatch host web exec \"true\"\n # Knock: 4471\n",
			"~/.ssh/config:2: " + note(undecided, `host web exec "true"`, "exec") + " (hint)"},
		{"exec alone", "", "Match exec true\n # Knock: 4471\n", "~/.ssh/config:1: " + note(undecided, "exec true", "exec") + " (hint)"},
		{"two blocks", "", "Match exec true\n # Knock: 4471\n # KnockTries: 1\nMatch exec false\n # Knock: 4471\n",
			"~/.ssh/config:1: " + note(undecided, "exec true", "exec") + " (hint)\n~/.ssh/config:4: " + note(undecided, "exec false", "exec") + " (hint)"},
		{"not exec", "", "Match !exec true\n # Knock: 4471\n", "~/.ssh/config:1: " + note(undecided, "!exec true", "exec") + " (hint)"},
		{"localnetwork", "", "Match localnetwork 192.0.2.0/24\n # Knock: 4471\n",
			"~/.ssh/config:1: " + note(undecided, "localnetwork 192.0.2.0/24", "localnetwork") + " (hint)"},
		{"tagged", "Match tagged x\n Knock 4471\n", "", "~/.ssh/knock_config:1: " + note(undecided, "tagged x", "tagged") + " (hint)"},
		{"version", "", "Match version OpenSSH_9*\n # Knock: 4471\n",
			"~/.ssh/config:1: " + note(undecided, "version OpenSSH_9*", "version") + " (hint)"},
		{"command", "", "Match command x\n # Knock: 4471\n", "~/.ssh/config:1: " + note(undecided, "command x", "command") + " (hint)"},
		{"sessiontype", "", "Match sessiontype shell\n # Knock: 4471\n",
			"~/.ssh/config:1: " + note(undecided, "sessiontype shell", "sessiontype") + " (hint)"},

		// an IgnoreUnknown without effect, so that ssh refuses the plain keyword below it
		{"no IgnoreUnknown", "", "Host web\n Knock 4471\n",
			"~/.ssh/config:2: ssh refuses a file with the keyword Knock: make it a comment, # Knock: ..., or put IgnoreUnknown Knock* above it (hint)"},
		{"IgnoreUnknown below", "", "Host web\n KnockDelay 5\n IgnoreUnknown Knock*\n",
			"~/.ssh/config:2: ssh refuses a file with the keyword KnockDelay: make it a comment, # KnockDelay: ..., or put IgnoreUnknown Knock* above it (hint)"},
		{"second IgnoreUnknown", "", "IgnoreUnknown UseKeychain\nHost web\n IgnoreUnknown Knock*\n",
			"~/.ssh/config:3: this IgnoreUnknown has no effect because the one at ~/.ssh/config:1 comes first: add Knock* to that one (hint)"},
		{"misspelt", "", "# Knocktimout: 5\n", `~/.ssh/config:1: "Knocktimout" is not a keyword, so this is only a comment: did you mean KnockTimeout? (hint)`},
		{"prose with a colon", "", "# Knocking on doors: see the wiki\n", ""},
		{"no colon before a number", "", "# KnockTimeout 5\n", "~/.ssh/config:1: this comment is not read as KnockTimeout because the colon is missing: write # KnockTimeout: ... (hint)"},
		{"no colon before prose", "", "# KnockTimeout is too short\n", ""},
		{"exec, but the knock is known", "", "# Knock: 4472\n\nMatch host web exec \"true\"\n # Knock: 4471\n", ""},
		{"no colon", "", "# Knock 4471 4472\n", "~/.ssh/config:1: this comment is not read as Knock because the colon is missing: write # Knock: ... (hint)"},

		// a keyword that is nearly one
		{"misspelt at its beginning", "", "# Knok: 4471 4472\n", `~/.ssh/config:1: "Knok" is not a keyword, so this is only a comment: did you mean Knock? (hint)`},
		{"misspelt at its end", "", "#Knocks: 4471\n", `~/.ssh/config:1: "Knocks" is not a keyword, so this is only a comment: did you mean Knock? (hint)`},
		{"misspelt, in the side file", "# knok: 4471\n", "", `~/.ssh/knock_config:1: "knok" is not a keyword, so this is only a comment: did you mean Knock? (hint)`},
		{"misspelt, another host", "", "Host db\n# Knok: 4471\n", ""},
		{"nearly, with what is no letter", "", "# Knoc4: 4471\n# Knoc-k: 4471\n", ""},
		{"nearly, but a word", "", "# Known: as web\n# Kind: 4471\n", ""},
		{"IgnoreUnknown, misspelt", "", "IgnoreUnknown Knock*\nHost web\n Knocks 4471 4472\n",
			`~/.ssh/config:3: "Knocks" is not a keyword, so this line is ignored: did you mean Knock? (hint)`},
		{"IgnoreUnknown of all, misspelt", "", "IgnoreUnknown *\nHost web\n Knok 4471\n",
			`~/.ssh/config:3: "Knok" is not a keyword, so this line is ignored: did you mean Knock? (hint)`},
		{"misspelt, and ssh complains", "", "Knocks 4471\n", ""},
		{"IgnoreUnknown, misspelt for another host", "", "IgnoreUnknown Knock*\nHost db\n Knocks 4471\n", ""},

		// a second block
		{"second block", "", "Host web\n # Knock: 4471\nHost web\n # Knock: 4472\n",
			"~/.ssh/config:4: this Knock is not used: ~/.ssh/config:2 comes first (hint)"},
		{"third block, as a keyword", "", "IgnoreUnknown Knock*\nHost web\n Knock 4471\nHost db\n Knock 4472\nHost db web\n knock 4473\n",
			"~/.ssh/config:7: this Knock is not used: ~/.ssh/config:3 comes first (hint)"},
		{"second line", "", "Host web\n # Knock: 4471\n # Knock: 4472\n # Knock: 4473\n",
			"~/.ssh/config:3: this Knock is not used: ~/.ssh/config:2 comes first (hint)"},
		{"patterns first", "", "Host *\n # Knock: none\nHost web\n # Knock: 4472\n",
			"~/.ssh/config:4: this Knock is not used: ~/.ssh/config:2 comes first (hint)"},
		{"before all blocks", "", "# Knock: 4471\n\nHost web\n # Knock: 4472\n",
			"~/.ssh/config:4: this Knock is not used: ~/.ssh/config:1 comes first (hint)"},
		{"second block, in the side file", "Host web\n Knock 4471\nHost web\n Knock 4472\n", "Host web\n # Knock: 4473\n",
			"~/.ssh/knock_config:4: this Knock is not used: ~/.ssh/knock_config:2 comes first (hint)"},
		{"second block, in a file that is read twice", "", "Host web\n # Knock: 4471\nHost web\n # Knock: 4472\nMatch final\n User a\n",
			"~/.ssh/config:4: this Knock is not used: ~/.ssh/config:2 comes first (hint)"},
		{"second block, of patterns", "", "Host web\n # Knock: 4471\nHost *\n # Knock: 4472\nHost w?b\n # Knock: 4473\n", ""},
		{"second block, of another host", "", "Host web\n # Knock: 4471\nHost db\n # Knock: 4472\n", ""},
		{"second block, an exception by Match", "", "Match host web\n # Knock: 4471\nHost web\n # Knock: 4472\n", ""},
		{"none, and a pattern", "", "Host web\n # Knock: none\nHost *\n # Knock: 4472\n", ""},
		{"second block, in another layer", "Host web\n Knock 4471\n", "Host web\n # Knock: 4473\n", ""},

		// a comment that does not have its line to itself
		{"behind Host", "", "Host web # Knock: 4471 4472\n",
			"~/.ssh/config:1: the comment after Host is not read as Knock: put it on a line of its own, below this one (hint)"},
		{"behind Host, no colon", "", "Host web #Knock 4471\n",
			"~/.ssh/config:1: the comment after Host is not read as Knock: put it on a line of its own, below this one (hint)"},
		{"behind Match", "", "Match host web # KnockClose: 4471\n",
			"~/.ssh/config:1: the comment after Match is not read as KnockClose: put it on a line of its own, below this one (hint)"},
		{"behind HostName", "", "Host web\n HostName web.test # Knock: 4471\n",
			"~/.ssh/config:2: the comment after HostName is not read as Knock: put it on a line of its own, below this one (hint)"},
		{"behind another Host", "", "Host db # Knock: 4471\n", ""},
		{"prose behind Host", "", "Host web # knock at 9\n", ""},
		{"quoted", "", "Host web '# Knock: 4471'\n", ""},

		// the name of a block stops where a knock could begin
		{"above a Host with a comment", "", "# Knock: 4471\nHost db # Knock: 4472\n",
			"~/.ssh/config:1: the knock is above Host db, not below it, so it applies to every host"},
		{"above a Host with a glued comment", "", "# Knock: 4471\nHost db a#Knock: 4472\n",
			"~/.ssh/config:1: the knock is above Host db, not below it, so it applies to every host"},
		{"above a Host without the mark", "", "# Knock: 4471\nHost db Knock: 4472\n",
			"~/.ssh/config:1: the knock is above Host db, not below it, so it applies to every host"},
		{"above a Host with a quoted comment", "", "# Knock: 4471\nHost \"db # Knock: 4472\"\n",
			"~/.ssh/config:1: the knock is above Host, not below it, so it applies to every host"},
		{"exec with a comment", "", "Match exec true # Knock: 4472\n # Knock: 4471\n",
			"~/.ssh/config:1: " + note(undecided, "exec true", "exec") + " (hint)"},

		// a file that a Match includes
		{"Host in an included file", "", "Match exec true\n Include host\n",
			`~/.ssh/host:1: the knock in Host web is not read, because knockpipe cannot evaluate the "exec" of the Match that includes this file (hint)`},
		{"no block in an included file", "", "Match exec true\n Include bare\n",
			`~/.ssh/bare:2: the knock in this file is not read, because knockpipe cannot evaluate the "exec" of the Match that includes this file (hint)`},
		{"undecided in a file of its own", "", "Include x\n", "~/.ssh/x:1: " + note(undecided, "exec true", "exec") + " (hint)"},

		// nothing to note
		{"below Host", "", "Host web\n# Knock: 4471\n", ""},
		{"below Host, before another", "", "Host web\n# Knock: 4471\nHost db\n", ""},
		{"indented, above Host", "", "Host db\n  User a\n\n  # Knock: 4471\nHost web\n", ""},
		{"a blank line between", "", "Host db\n User a\n\n# Knock: 4471\n\nHost web\n", ""},
		{"directly below a keyword", "", "Host db\nUser a\n# Knock: 4471\nHost web\n", ""},
		{"block of another host", "", "Host a\n User a\n\n# Knock: 4471\nHost db\n", ""},
		{"exec without a knock", "", "Match host web exec true\n User a\n", ""},
		{"exec for another host", "", "Match host db exec true\n # Knock: 4471\n", ""},
		{"exec of another host, last", "", "Match exec true host db\n # Knock: 4471\n", ""},
		{"exec in a block of another host", "", "Host db\nInclude x\n", ""},
		{"keyword in the side file", "Knock 4471\n", "", ""},
		{"one IgnoreUnknown", "", "IgnoreUnknown Knock*\nKnock 4471\n", ""},
		{"first IgnoreUnknown is enough", "", "IgnoreUnknown UseKeychain,Knock*\nIgnoreUnknown Knock*\n", ""},
		{"IgnoreUnknown of something else", "", "IgnoreUnknown UseKeychain\nIgnoreUnknown AddKeys\n", ""},
		{"prose", "", "# Knock on the door at 9\n# knock first\n", ""},
		{"no colon, another host", "", "Host db\n# Knock 4471\n", ""},
	}
	for _, tt := range tests {
		h := newHome(t, map[string]string{"knock_config": tt.side, "config": tt.config, "x": "Match exec true\n # Knock: 4471\n",
			"host": "Host web\n # Knock: 4471\n", "bare": "\n# Knock: 4471\n",
			"/ssh_config": "Host web\n # Knock: 4471\n"}) // another layer: overriding it is no mistake
		got := strings.Join(h.notesOf(t, query("web", "")), "\n")
		if got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
		if strings.Contains(got, "447") {
			t.Errorf("%s: the note %q shows a port", tt.name, got)
		}
	}
}

// note fills in what an undecided note names.
func note(format, title, criterion string) string {
	return strings.NewReplacer("%s", title, "%q", `"`+criterion+`"`).Replace(format)
}

// TestNoKnock ignores the sequence, valid or not. The other settings still count.
func TestNoKnock(t *testing.T) {
	h := newHome(t, map[string]string{"config": "HostName a\n# Knock: 447x\n# KnockTimeout: 20\n"})
	q := query("web", "")
	q.NoKnock = true
	s, err := h.Load(q)
	if err != nil || s.HostName != "a" || len(s.Knock) > 0 || s.KnockTimeout != 20*time.Second || len(s.Entries()) != 2 {
		t.Errorf("got %+v, %v, want HostName and KnockTimeout", s, err)
	}
}
