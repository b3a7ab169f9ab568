//go:build linux

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"knockpipe/internal/lab"
)

// secrets are what no output may hold, in any of the forms that it could have:
// ports, payloads, sizes, keys, and what a command says.
var secrets = []string{
	"41237", "41239", "41241", "41243", "41257", "41259", // ports
	"opensesame", hex.EncodeToString([]byte("opensesame")), "feedbeef", "\xfe\xed\xbe\xef", "6417", "1117", // payloads
	"swordfish", "c3dvcmRmaXNo", "tuna", "hmac-trout", "aG1hYy10cm91dA", // keys
	"hunter2", // in a command
	"zqzq",    // in every other word of a spoilt config
}

// chance is what has digits or letters by chance: a test's folder, the pid of a log's
// line, and the fingerprint of a host key.
var chance = regexp.MustCompile(`/tmp/\w+/\d+|knockpipe\[\d+\]|SHA256:\S+`)

// leaks returns the secrets that a text holds.
func leaks(text []byte) []string {
	var found []string
	text = chance.ReplaceAll(text, nil)
	for _, s := range secrets {
		if bytes.Contains(bytes.ToLower(text), []byte(s)) {
			found = append(found, s)
		}
	}
	return found
}

// A hush is a client whose every file and output is looked into.
type hush struct {
	*lab.Lab
	home  string // root's, with its configs and lists
	state string // what knockpipe keeps
	log   string
}

func newHush(t *testing.T) *hush {
	h := &hush{Lab: lab.New(t), home: t.TempDir(), state: t.TempDir()}
	h.log = filepath.Join(h.state, "log")
	h.write(t, ".ssh/known_hosts", "")
	h.Client.Bind(t, h.home, "/root")
	return h
}

func (h *hush) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(h.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs knockpipe, looks for secrets in all that it leaves, and returns its
// output and whether it failed.
func (h *hush) run(t *testing.T, args ...string) (string, bool) {
	t.Helper()
	cmd := h.Client.Command(binary(t), args...)
	cmd.Env = append(cmd.Env, "XDG_STATE_HOME="+h.state, "XDG_RUNTIME_DIR="+h.state)
	cmd.Dir = "/root"
	out, err := cmd.CombinedOutput()
	if found := leaks(out); found != nil {
		t.Errorf("%q shows %q:\n%s", args, found, out)
	}
	filepath.WalkDir(h.state, func(path string, e fs.DirEntry, err error) error {
		if found := leaks([]byte(path)); err != nil || found != nil {
			t.Errorf("%q leaves %s, with %q, %v", args, path, found, err)
		}
		if e == nil || !e.Type().IsRegular() { // a FIFO holds nothing, and would wait
			return nil
		}
		text, err := os.ReadFile(path)
		if found := leaks(text); err != nil || found != nil {
			t.Errorf("%q leaves %q in %s, %v:\n%s", args, found, path, err, text)
		}
		return nil
	})
	return string(out), err != nil
}

// TestSecrets runs every mode but -G and -rules, which are asked for it, on every
// kind of knock, with a door that opens and with one that stays shut. None shows a
// port of the sequence, a payload, a key or a command.
func TestSecrets(t *testing.T) {
	t.Parallel()
	const list = " 41237,41239,41241,41243\n"
	kinds := []struct{ name, knock string }{
		{"ports", "41237 41239/udp 41241:tcp tcp:41243"},
		{"payloads", "udp:41237,text=opensesame udp:41239,hex=feedbeef udp:41241,size=6417 icmp,size=1117"},
		{"handshakes and pauses", "41237,connect pause:20 41239"},
		{"closing", "41237 41239\n\tKnockClose 41257 udp:41259,text=opensesame"},
		{"memory off", "41237 41239\n\tKnockDelay 5\n\tKnockMemory no"},
		{"fwknop", "41237 fwknop"},
		{"fwknop, by name", "fwknop:base64"},
		{"once", "once:~/list"},
		{"token", "token:~/anna.key"},
		{"exec", "'exec:true hunter2'"},
		{"exec that fails", "41237 'exec:false hunter2'"},
	}
	modes := []string{
		"", "-v", "-vv", "-vvv", "-E LOG", "-vv -E LOG", "-k", "-k -vv", "-k -E LOG", "-check", "-check -vv -E LOG",
		"-F -vv", "-4 -vv", "-6 -vv", "-s 198.51.100.1 -vv", "-h", "-V",
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			h := newHush(t)
			sshd := h.Server.SSHD(t)
			rest, err := os.ReadFile(sshd.ClientConfig(t, ""))
			if err != nil {
				t.Fatal(err)
			}
			h.write(t, ".ssh/config", "Host tango\n\tHostName 198.51.100.2\n\tProxyCommand knockpipe %h %p\n"+string(rest))
			h.write(t, ".ssh/knock_config", "Host tango\n\tKnock "+kind.knock+"\n")
			h.write(t, ".fwknoprc", "[default]\nKEY: swordfish\nHMAC_KEY hmac-trout\n[tango]\nSPOOF_USER alice\n[base64]\nKEY_BASE64 c3dvcmRmaXNo\n")
			h.write(t, "list", strings.Repeat(list, 60))
			h.write(t, "anna.key", "udp 41237\n"+base64.StdEncoding.EncodeToString([]byte("swordfishswordfishswordfish12345"))+"\n")
			opened := false
			for _, shut := range []bool{false, true} {
				if shut {
					h.Server.Nft(t, silent)
				}
				for _, mode := range modes {
					args := strings.Fields(strings.ReplaceAll(mode, "LOG", h.log) + " -w 0.4 -n tango -- 198.51.100.2 22")
					out, failed := h.run(t, args...)
					opened = opened || strings.Contains(out, "SSH-2.0-OpenSSH")
					if mode == "-v" && failed != (shut || kind.name == "exec that fails") {
						t.Errorf("%q with a door that is shut, %v: failed is %v: %s", args, shut, failed, out)
					}
				}
				h.run(t, "-check", "-w", "0.4", "tango") // as people call it
			}
			if !opened && kind.name != "exec that fails" {
				t.Error("no door has opened")
			}
			for _, far := range []string{"203.0.113.77", "2001:db8:77::1"} { // nothing can leave
				h.run(t, "-vv", "-w", "0.4", "-n", "tango", far, "22")
				h.run(t, "-k", "-vv", "-n", "tango", far, "22")
			}
			if strings.HasPrefix(kind.knock, "'") || strings.Contains(kind.knock, "\n") || strings.Contains(kind.knock, "exec") {
				return
			}
			h.run(t, append([]string{"-vv", "-w", "0.4", "198.51.100.2", "22"}, strings.Fields(kind.knock)...)...)
		})
	}
}

// TestSecretsInErrors has sequences, lists and keys that are wrong, each in every
// place where it can stand.
func TestSecretsInErrors(t *testing.T) {
	t.Parallel()
	h := newHush(t)
	h.write(t, "list", " 41237,41239\n 41241,41243x\n")
	h.write(t, "used", "#41237,41239\n")
	h.write(t, "port.key", "udp 41237x\nc3dvcmRmaXNo\n")
	h.write(t, "cut.key", "udp 41237\nc3dvcmRmaXNo\n")
	for _, knock := range []string{
		"41237 412390", "41237 41239x", "41237:41239", "41237/41239", "x41237", "sctp:41237", "41237-41239", "+41237", "41237;41239",
		"41237,opensesame", "41237,text=opensesame", "tcp:41237,size=6417", "udp:41237,size=6417x", "udp:41237,hex=feedbeefs",
		"udp:41237,txet=opensesame", "icmp:41237", "icmp,size=1117x", "icmp,text=opensesame", "icmp,41237x", "pause:41237h", "pause:41237,text=opensesame",
		"41237 ,41239", "41237,", "\"41237", "'41237 41239", "41237 exec:", "41237 once:~/list", "once:~/list", "once:~/used", "41237 token:~/cut.key", "token:~/port.key", "token:~/cut.key", "token:~/none.key", "token:", "once:~/none",
		"fwknop,41237x", "fwknop:nostanza", strings.Repeat("41237 ", 65), "udp:41237,size=64170",
	} {
		for _, file := range []struct{ name, text string }{
			{".ssh/config", "Host tango\n\t# Knock: " + knock + "\n"},
			{".ssh/config", "Host tango\n\t# KnockClose: " + knock + "\n"},
			{".ssh/config", "IgnoreUnknown Knock*\nHost tango\n\tKnock " + knock + "\n"},
			{".ssh/knock_config", "Knock " + knock + "\n"},
			{".ssh/knock_config", "Knok " + knock + "\n"},
			{".ssh/knock_config", "Knock" + knock + "\n"},
			{".ssh/knock_config", "KnockHost " + knock + "\n"},
			{".ssh/knock_config", "KnockDelay " + knock + "\n"},
			{".ssh/knock_config", knock + "\n"},
		} {
			h.write(t, ".ssh/config", "")
			h.write(t, ".ssh/knock_config", "")
			h.write(t, file.name, file.text)
			h.run(t, "-vv", "-E", h.log, "-w", "0.05", "tango", "22")
			h.run(t, "-check", "-w", "0.05", "tango")
		}
		h.write(t, ".ssh/knock_config", "")
		h.run(t, append([]string{"-vv", "-w", "0.05", "198.51.100.77", "22"}, strings.Fields(knock)...)...)
	}
	h.write(t, ".ssh/config", "Host tango\n\t# Knock: exec:hunter2\n")
	h.run(t, "-vv", "tango", "22")
	h.run(t, "198.51.100.77", "22", "exec:hunter2")

	h.write(t, ".ssh/config", "")
	for _, rc := range []string{
		"KEY", "KEY #swordfish", "swordfish", "swordfish ", "swordfish tuna", "key swordfish", "KEY: swordfish\nHMAC_KEY swordfish",
		"KEY=swordfish", "KEY_BASE64 c3dvcmRmaXNo!", "HMAC_KEY_BASE64 swordfish!", "KEY swordfish" + strings.Repeat("x", 32), "KEY swordfish\nHMAC_KEY tuna" + strings.Repeat("x", 128),
		"KEY swordfish\nHMAC_KEY hmac-trout\nENCRYPTION_MODE legacy", "KEY swordfish\nFW_TIMEOUT tuna", "KEY swordfish\nACCESS tcp/41237x", "KEY swordfish\nNAT_ACCESS 10.0.0.1,41237x",
		"KEY swordfish\nSPA_SERVER_PORT 41237x", "KEY swordfish\nSPA_SERVER_PROTO tuna", "KEY swordfish\nALLOW_IP tuna", "KEY swordfish\nALLOW_IP resolve", "KEY swordfish\nSPOOF_USER tuna/",
		"KEY swordfish\nDIGEST_TYPE tuna", "KEY swordfish\nUSE_GPG Y\nGPG_SIGNING_PW tuna", "KEY swordfish\nTIME_OFFSET tuna", "KEY swordfish\n # HMAC_KEY hmac-trout", "KEY swordfish\nNAT_PORT tuna",
		"KEY swordfish\nHMAC_KEY hmac-trout\nSPOOF_USER " + strings.Repeat("x", 40) + "\nACCESS " + strings.Repeat("tcp/41237,", 20) + "tcp/41239",
	} {
		h.write(t, ".fwknoprc", "[tango]\n"+rc+"\n")
		if out, failed := h.run(t, "-vv", "-E", h.log, "-w", "0.05", "198.51.100.77", "22", "fwknop:tango"); !failed {
			t.Errorf("%q is not refused: %s", rc, out)
		}
		h.run(t, "-check", "198.51.100.77", "22", "fwknop:tango")
	}
	h.write(t, ".fwknoprc", "[tango]\nKEY swordfish\nHMAC_KEY hmac-trout\n")
	if err := os.Chmod(filepath.Join(h.home, ".fwknoprc"), 0o644); err != nil {
		t.Fatal(err)
	}
	h.run(t, "-vv", "198.51.100.77", "22", "fwknop:tango")
}
