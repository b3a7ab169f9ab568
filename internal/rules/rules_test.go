package rules

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"knockpipe/knock"
)

// sequence reads a sequence that is known to be right.
func sequence(t testing.TB, line string) knock.Sequence {
	t.Helper()
	seq, err := knock.Parse(strings.Fields(line))
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return seq
}

func TestMake(t *testing.T) {
	tests := []struct {
		format, knock, close string
		want                 string // the error; empty for none
	}{
		{"ufw", "7000", "", `unknown format "ufw": ` + strings.Join(Formats(), ", ")},
		{"", "7000", "", `unknown format "": ` + strings.Join(Formats(), ", ")},
		{"nftables", "", "", "no knock is configured for tango"},
		{"nftables", "", "7000", "no knock is configured for tango"},
		{"nftables", "fwknop", "", "nftables: knock 1 of 1 (fwknop): single packet authorization needs fwknopd"},
		{"iptables", "token:file", "", "iptables: knock 1 of 1 (token): one-time tokens need nftables"},
		{"knockd", "token:file", "", "knockd: knock 1 of 1 (token): one-time tokens need nftables"},
		{"fwknopd", "token:file", "", "fwknopd: knock 1 of 1 (token): one-time tokens need nftables"},
		{"mikrotik", "token:file", "", "mikrotik: knock 1 of 1 (token): one-time tokens need nftables"},
		{"nftables", "once:file", "", "nftables: knock 1 of 1 (once): one-time sequences need knockd"},
		{"nftables", "7000 pause:20 exec:letmein", "", "nftables: knock 3 of 3 (exec): knockpipe does not know what a command sends"},
		{"nftables", "7000 8000", "9000 exec:letmein", "nftables: KnockClose: knock 2 of 2 (exec): knockpipe does not know what a command sends"},
		{"nftables", "7000 8000", "8000", "nftables: KnockClose is the same as the last knock, so the door would never open"},
		{"nftables", "7000 udp:8000,text=x", "udp:8000", "nftables: KnockClose is the same as the last knock, so the door would never open"},
		{"iptables", "fwknop", "", "iptables: knock 1 of 1 (fwknop): single packet authorization needs fwknopd"},
		{"iptables", "7000 8000", "pause:20 8000", "iptables: KnockClose is the same as the last knock, so the door would never open"},
		{"iptables", "icmp,size=65487 icmp,size=1", "", ""},
		{"iptables", "7000 udp:8000,size=65488", "", "iptables: knock 2 of 2 (udp): iptables cannot match a packet of that size"},
		{"iptables", "udp:8000,size=65487", "", ""},
		{"iptables", "7000 icmp,size=65488", "", "iptables: knock 2 of 2 (icmp): iptables cannot match a packet of that size"},
		{"iptables", "7000", "icmp,size=65488", "iptables: KnockClose: knock 1 of 1 (icmp): iptables cannot match a packet of that size"},
		{"nftables", "icmp,size=65507", "", ""},
		{"nftables", "7000 udp:8000", "udp:8000,text=x", ""},
		{"nftables", "7000 icmp,size=8", "icmp,size=9", ""},
		{"nftables", "7000", "8000 7000", ""},
		{"iptables", "7000", "7000/udp", ""},
	}
	for _, tt := range tests {
		d := &Door{Ports: []uint16{22}, Hosts: []Host{{Name: "tango", Port: 22, Knock: sequence(t, tt.knock), Close: sequence(t, tt.close)}}}
		text, err := Make(tt.format, d)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.want || (text == "") != (err != nil) {
			t.Errorf("%s of %q, %q: got %q and %d bytes, want %q", tt.format, tt.knock, tt.close, got, len(text), tt.want)
		}
	}
}

// TestNear knows the sequences that a slow scan in order opens.
func TestNear(t *testing.T) {
	for _, tt := range []struct {
		knock string
		want  bool
	}{
		{"", false},
		{"7000", false}, // too few, which is told otherwise
		{"7000 7000", false},
		{"7000 8000 9000", false}, // each is forgotten before the next
		{"7000 7300 7200", false},
		{"7000 7001/udp", false},
		{"icmp icmp", false},
		{"7000 icmp 7001", false},
		{"fwknop", false},
		{"udp:7000,text=open udp:7001,text=sesame", false}, // no scan says that
		{"7000 7401", false},
		{"7000 7400", true},
		{"7002 7001 7000", true},
		{"pause:20 7000 7001", true},
		{"7000 pause:20 tcp:7100,connect 7200", true},
		{"7000/udp 7001/udp", true},
	} {
		if got := near(sequence(t, tt.knock)); got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.knock, got, tt.want)
		}
	}
}

// TestConflict has two hosts, of which one shuts what the other opens.
func TestConflict(t *testing.T) {
	const conflict = ": the knock of tango is KnockClose of tango-anna too: it cannot both open and shut the door"
	for _, tt := range []struct {
		knock, close string
		conflict     bool
	}{
		{"7001 7002 7003", "7001 7002 7003", true},
		{"7001 7002 7003", "7003", true},
		{"7001 7002 7003", "7001 7003", true},
		{"7001 pause:20 7002 7003", "7001 7002 pause:20 7003", true},
		{"7001 udp:7002,text=x", "7001 udp:7002", true},
		{"7001 7002 7003", "7003 7002 7001", false},
		{"7001 7002 7003", "7001 7002", false},
		{"7001 7002 7003", "7002 7001 7003", false},
		{"7001 7002 7003", "7000 7001 7002 7003", false},
		{"7001 udp:7002", "7001 udp:7002,text=x", false},
		{"7001 7002", "7001 udp:7002", false},
		{"7001 7002 7003", "", false},
	} {
		d := &Door{Ports: []uint16{22}, Hosts: []Host{
			{Name: "tango-anna", Port: 22, Knock: sequence(t, "8001 8002 8003"), Close: sequence(t, tt.close)},
			{Name: "tango", Port: 22, Knock: sequence(t, tt.knock)}}}
		for _, format := range []string{"nftables", "iptables"} {
			want := ""
			if tt.conflict {
				want = format + conflict
			}
			got := ""
			if _, err := Make(format, d); err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("%s, %s, KnockClose %s: got %q, want %q", format, tt.knock, tt.close, got, want)
			}
		}
	}
}

func TestWarnings(t *testing.T) {
	for _, tt := range []struct {
		knock string
		want  []string // what they begin with
	}{
		{"7000", []string{"one knock is easy to guess"}},
		{"icmp,size=9", []string{"one knock is easy to guess"}},
		{"7000 pause:20 udp:8000", []string{"two knocks are easy to guess"}},
		{"7000 7001", []string{"two knocks are easy to guess", "the ports are close together"}},
		{"7001 7000 6999", []string{"the ports are close together"}},
		{"9000 8000 7000 7000,connect", []string{"knock 4 repeats the knock before it"}},
		{"8000 7000 pause:20 7000 7000", []string{"knock 4 repeats the knock before it", "knock 5 repeats the knock before it"}},
		{"udp:7000,text=sesame", nil}, // no scan says that
		{"fwknop", nil},
		{"once:list", nil},
		{"7000 8000 9000", []string{"this sequence stands in knockpipe's documents"}},
		{"udp:7000 8000:udp tcp:9000", []string{"this sequence stands in knockpipe's documents"}},
		{"7000 9000 8000", nil},
		{"7000 8000 9000 10000", nil},
		{"8000 7000 8000", nil},
		{"8000 7000 udp:7000", nil},
		{"udp:8000 udp:7000 udp:7000", nil}, // a datagram is not sent again
	} {
		got := Warnings(sequence(t, tt.knock))
		if len(got) != len(tt.want) {
			t.Errorf("%q: got %q, want %q", tt.knock, got, tt.want)
			continue
		}
		for i, want := range tt.want {
			if !strings.HasPrefix(got[i], want) || strings.Contains(got[i], "000") {
				t.Errorf("%q: got %q, want %q", tt.knock, got[i], want)
			}
		}
	}
}

// TestPublished finds each sequence of three knocks or more that the documents show.
func TestPublished(t *testing.T) {
	shown := regexp.MustCompile(`(?m)(?:Knock:? |%h %p |tango(?:\.example\.org)? \d+ )((?:[a-z]+:)?\d+.*?)(?:,#?'|,? \||$)`)
	var files []string
	for _, pattern := range []string{"README.md", "doc/*.[157]", "doc/*.md", "examples/*"} {
		found, err := filepath.Glob("../../" + pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: got %v, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	count := 0
	for _, path := range files {
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range shown.FindAllStringSubmatch(string(text), -1) {
			seq, err := knock.Parse(strings.Fields(found[1]))
			if err != nil || seq.Knocks() < fewest {
				continue
			}
			count++
			if !isPublished(seq) {
				t.Errorf("%s: %q is missing", path, found[1])
			}
		}
	}
	if count < 20 {
		t.Errorf("got %d sequences in %d files, want at least 20: is the pattern right?", count, len(files))
	}
}

// TestStages checks the time that a client has for its next knock: its own pauses, and
// some more.
func TestStages(t *testing.T) {
	for _, tt := range []struct {
		knock string
		delay time.Duration
		want  string // the seconds, from the last stage to the first
	}{
		{"7000", 0, "10s"},
		{"7000 8000", 20 * time.Millisecond, "10s 2s"},
		{"7000 8000 9000", 1200 * time.Millisecond, "12s 3s 3s"},
		{"7000 pause:2500 8000", 0, "10s 5s"},
		{"7000 pause:1m pause:30s 8000", 0, "10s 1m32s"},
		{"7000 pause:1s 8000", 5 * time.Second, "20s 12s"}, // a pause keeps the delay
		{"pause:1m 7000 8000 pause:5s", 0, "15s 2s"},
	} {
		all, err := stages(sequence(t, tt.knock), tt.delay, nftMatch)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, s := range all {
			got = append(got, s.life.String())
			if i > 0 && (all[i-1].former != s.place || all[i-1].wait != s.seconds()) {
				t.Errorf("%q: stage %d waits %d s for %d, want what %d lives", tt.knock, i, all[i-1].wait, all[i-1].former, s.place)
			}
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("%q with a delay of %v: got %s, want %s", tt.knock, tt.delay, got, tt.want)
		}
	}
}

// FuzzMake looks for sequences that make a format fail or that an error shows.
func FuzzMake(f *testing.F) {
	f.Add("12345 23456 udp:34567,text=sesame icmp,size=1234 pause:250ms", "45678,connect", uint16(20))
	f.Add("fwknop:papa", "", uint16(0))
	f.Add("once:/home/me/knocks", "exec:letmein --with a-password-that-is-very-long", uint16(0))
	f.Add("7000 exec:/usr/local/bin/letmein-7000-with-a-password", "", uint16(0))
	f.Add("udp:7000,size=65507 icmp,size=29", "icmp,size=65507", uint16(65535))
	f.Add(strings.Repeat("7001/udp ", 64), strings.Repeat("tcp:7001 ", 64), uint16(1))
	f.Fuzz(func(t *testing.T, open, shut string, delay uint16) {
		h := Host{Name: "tango", Port: 22, Delay: time.Duration(delay) * time.Millisecond}
		var err error
		if h.Knock, err = knock.Parse(strings.Fields(open)); err != nil {
			return
		}
		if h.Close, err = knock.Parse(strings.Fields(shut)); err != nil {
			return
		}
		d := &Door{Ports: []uint16{22, 2222}, Hosts: []Host{h}}
		for _, format := range Formats() {
			text, err := Make(format, d)
			if err == nil {
				if again, _ := Make(format, d); again != text {
					t.Errorf("%s: made twice, the text is another one", format)
				}
				continue
			}
			if text != "" {
				t.Errorf("%s: text and the error %v", format, err)
			}
			numbers, texts := secrets(d)
			for _, n := range numbers {
				if regexp.MustCompile(fmt.Sprintf(`\b%d\b`, n)).MatchString(err.Error()) {
					t.Errorf("%s: %d is in the error %q", format, n, err)
				}
			}
			for _, text := range texts {
				if strings.Contains(err.Error(), text) {
					t.Errorf("%s: %q is in the error %q", format, text, err)
				}
			}
		}
	})
}

// secrets are the parts of a door's sequences that are not in an error by chance.
func secrets(d *Door) (numbers []int, texts []string) {
	number := func(n int) {
		if n > knock.MaxSteps { // else it may be the place of a step
			numbers = append(numbers, n)
		}
	}
	text := func(text string) {
		if len(text) > len("single packet authorization") {
			texts = append(texts, text)
		}
	}
	for _, step := range slices.Concat(d.Hosts[0].Knock, d.Hosts[0].Close) {
		switch step := step.(type) {
		case knock.TCP:
			number(int(step.Port))
		case knock.UDP:
			number(int(step.Port))
			text(step.Payload)
		case knock.ICMP:
			number(step.Size)
		case knock.FWKNOP:
			text(step.Name)
		case knock.Once:
			text(step.Path)
		case knock.Exec:
			text(step.Command)
		}
	}
	return numbers, texts
}
