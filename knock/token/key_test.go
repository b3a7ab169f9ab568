package token

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

func TestParse(t *testing.T) {
	const neither = "neither a carrier (udp PORT, icmp, tcp PORT) nor a key of 32 bytes in base64"
	tests := []struct{ name, text, want string }{ // the carriers, or the error
		{"empty", "", "the file has no key"},
		{"comments only", "# x\n\n", "the file has no key"},
		{"no key", "udp 40022\n", "the file has no key"},
		{"no carrier", secret + "\n", "1: no carrier before the key: add udp PORT, icmp or tcp PORT"},
		{"no port", "udp\n" + secret, "1: udp needs one port"},
		{"two ports", "# x\nudp 1 2\n" + secret, "2: udp needs one port"},
		{"port 0", "udp 0\n" + secret, "1: the port of udp is not a number between 1 and 65535"},
		{"port 65536", "tcp 65536\n" + secret, "1: the port of tcp is not a number between 1 and 65535"},
		{"port of icmp", "icmp 8\n" + secret, "1: icmp takes no port"},
		{"twice", "icmp\nudp 1\nICMP\n" + secret, "3: this carrier is listed twice"},
		{"other carrier", "sctp 1\n" + secret, "1: " + neither},
		{"cut", "udp 1\n" + secret[:40], "2: " + neither},
		{"31 bytes", "udp 1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==\n", "2: " + neither},
		{"33 bytes", "udp 1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\n", "2: " + neither},
		{"no padding", "udp 1\n" + secret[:43], "2: " + neither},
		{"loose bits", "udp 1\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n", "2: " + neither},
		{"of the web", "udp 1\n" + strings.Repeat("_", 43) + "=\n", "2: " + neither},
		{"two words", "udp 1\n" + secret + " x\n", "2: " + neither},
		{"two keys", "udp 1\n" + secret + "\n" + secret + "\n", "3: nothing may follow the key"},
		{"carrier behind", "udp 1\n" + secret + "\nicmp\n", "3: nothing may follow the key"},
		{"many", "udp 1\nudp 2\nudp 3\nudp 4\nudp 5\nudp 6\nudp 7\nudp 8\nudp 9\n" + secret, "9: more than 8 carriers"},

		{"one", "udp 40022\n" + secret + "\n", "[udp 40022]"},
		{"all", "# x\n\n UDP 40022\nicmp\n\ttcp 00443\n" + secret, "[udp 40022 icmp tcp 443]"},
		{"of Windows", "\ufeff# x\r\nudp 1\r\n" + secret + "\r\n# end\r\n", "[udp 1]"},
	}
	for _, tt := range tests {
		k, err := parse([]byte(tt.text))
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(k.Carriers)
			if k.secret[1] != 1 || k.secret[31] != 31 {
				t.Errorf("%s: got key %v", tt.name, k.secret)
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "anna.key")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		text string
		mode os.FileMode
		want string
	}{
		{"udp 1\n" + secret, 0o640, ": others can read or write this file, which holds a key: chmod 600"},
		{"udp 1\n" + secret, 0o602, ": others can read or write this file, which holds a key: chmod 600"},
		{"udp 1\n" + secret[1:], 0o600, ":2: neither a carrier (udp PORT, icmp, tcp PORT) nor a key of 32 bytes in base64"},
		{strings.Repeat("#\n", 40<<10), 0o600, ": more than 65536 bytes: not a key file"},
		{"udp 1\n" + secret, 0o600, "<nil>"},
	} {
		if runtime.GOOS == "windows" && tt.mode != 0o600 {
			continue // access lists decide there
		}
		write(tt.text, tt.mode)
		_, err := Read(path)
		if got := strings.TrimPrefix(fmt.Sprint(err), path); got != tt.want {
			t.Errorf("%#o: got %q, want %q", tt.mode, got, tt.want)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "none.key")} {
		if _, err := Read(path); err == nil || !strings.HasPrefix(err.Error(), path+": ") || strings.Count(err.Error(), path) != 1 {
			t.Errorf("got %v, want an error that names the file, once", err)
		}
	}
}

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "anna.key")
	if err := Write(path, []Carrier{{"icmp", 0}, {"udp", 1}, {"icmp", 0}}); err == nil {
		t.Error("got no error for a carrier that is named twice")
	}
	for _, want := range [][]Carrier{nil, {{"icmp", 0}, {"udp", 7}, {"tcp", 8}}} {
		if err := Write(path, want); err != nil {
			t.Fatal(err)
		}
		k, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = []Carrier{{"udp", 40022}}
		}
		if fmt.Sprint(k.Carriers) != fmt.Sprint(want) {
			t.Errorf("got carriers %v, want %v", k.Carriers, want)
		}
		if k.secret == [keySize]byte{} {
			t.Error("the key is empty")
		}
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := Write(path, nil); err == nil {
			t.Error("it was overwritten")
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
			t.Errorf("it was changed: %v", err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestParseCarrier(t *testing.T) {
	for text, want := range map[string]string{
		"": "not one of udp:PORT, icmp, tcp:PORT", "40022": "not one of udp:PORT, icmp, tcp:PORT",
		"udp": "udp needs one port", "udp:0": "the port of udp is not a number between 1 and 65535",
		"icmp:8": "icmp takes no port", "sctp:1": "not one of udp:PORT, icmp, tcp:PORT",
		"udp:1:2": "the port of udp is not a number between 1 and 65535",
		"udp:7":   "udp 7", "7/UDP": "udp 7", "7:udp": "udp 7", "TCP/7": "tcp 7", "icmp": "icmp",
	} {
		c, err := ParseCarrier(text)
		got := c.String()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// example returns testdata/example.key, as a file that only the user can read.
func example(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/example.key")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "example.key")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestVectors makes the tokens of testdata/vectors.txt, and has examples/token.py make
// them too.
func TestVectors(t *testing.T) {
	key := example(t)
	k, err := Read(key)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var ask, want strings.Builder
	lines := 0
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		var slot Slot
		var n int
		var token string
		if _, err := fmt.Sscan(scanner.Text(), &slot, &n, &token); err != nil {
			continue // a comment
		}
		lines++
		made := k.Token(slot, n)
		if got := hex.EncodeToString(made[:]); got != token {
			t.Errorf("slot %d, n %d: got %s, want %s", slot, n, got, token)
		}
		fmt.Fprintln(&ask, slot, n)
		fmt.Fprintln(&want, token)
	}
	if lines < 20 {
		t.Errorf("only %d vectors", lines)
	}
	document, err := os.ReadFile("../../doc/token.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for line := range strings.Lines(string(document)) {
		var slot Slot
		var n int
		var token string
		if _, err := fmt.Sscanf(line, "| %d | %d | `%s", &slot, &n, &token); err != nil {
			continue
		}
		shown++
		made := k.Token(slot, n)
		if got := hex.EncodeToString(made[:]); got != strings.TrimSuffix(token, "`") {
			t.Errorf("doc/token.md: slot %d, n %d: got %s, want %s", slot, n, got, token)
		}
	}
	if shown == 0 || !strings.Contains(string(document), secret) {
		t.Error("doc/token.md shows no vectors, or another key")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3 is not installed")
		}
		t.Skip("skipping, python3 is not installed")
	}
	const program = `
import sys
sys.dont_write_bytecode = True
import importlib.util
spec = importlib.util.spec_from_file_location("client", "../../examples/token.py")
client = importlib.util.module_from_spec(spec)
spec.loader.exec_module(client)
carriers, key = client.read(sys.argv[1])
assert carriers == [("udp", 40022), ("icmp", 0)], carriers
for line in sys.stdin:
    slot, n = line.split()
    print(client.token(key, int(slot), int(n)).hex())
`
	cmd := exec.Command(python, "-c", program, key)
	cmd.Stdin = strings.NewReader(ask.String())
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != want.String() {
		t.Errorf("python: got %v:\n%s\nwant\n%s", err, out, &want)
	}
}

func TestSlot(t *testing.T) {
	now := time.Unix(1790000030, 0)
	s := SlotOf(now)
	if got, want := s, Slot(14916666); got != want {
		t.Errorf("got slot %d, want %d", got, want)
	}
	if got := now.Sub(s.Opens()); got < slack || got >= slack+slotTime {
		t.Errorf("the slot of a time counts from %v before it", got)
	}
	if got, want := s.Shuts().Sub(s.Opens()), 6*time.Minute; got != want {
		t.Errorf("a slot counts for %v, want %v", got, want)
	}
	for _, tt := range []struct {
		now time.Time
		ok  bool
	}{{time.Unix(0, 0), false}, {time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC), false}, {time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), false}, {now, true}} {
		if err := CheckClock(tt.now); (err == nil) != tt.ok {
			t.Errorf("%v: got %v", tt.now, err)
		}
	}
}

// TestHidden prints a key in every way.
func TestHidden(t *testing.T) {
	k, err := parse([]byte("udp 40022\n" + secret))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got, want := fmt.Sprintf(verb, k), "(key)"; got != want {
			t.Errorf("%s: got %s, want %s", verb, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("# x\nudp 40022\nicmp\n" + secret + "\n"))
	f.Add([]byte("\ufefftcp 1\r\n\r\n" + secret))
	f.Add([]byte("udp 1\n" + secret[:30] + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := parse(text)
		if err == nil {
			if len(k.Carriers) == 0 || len(k.Carriers) > maxCarriers {
				t.Errorf("got %d carriers", len(k.Carriers))
			}
			return
		}
		// No word of the file that could be of a key is shown.
		for _, word := range strings.Fields(string(text)) {
			if len(word) > 8 && !strings.Contains("neither carrier: keys, 65535 between", word) && strings.Contains(err.Error(), word) {
				t.Errorf("%q shows %q", err, word)
			}
		}
	})
}
