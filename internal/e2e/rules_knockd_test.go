//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"knockpipe/internal/lab"
)

// TestRulesKnockd sets the real knockd up by -rules, for random sequences, and opens
// it with the same config.
func TestRulesKnockd(t *testing.T) {
	t.Parallel()
	lab.Need(t, "knockd", "stdbuf", "nft")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	sequences := []string{"", "7000:udp 8000 9000:udp", "4001 4001 4002 udp:4001", strings.TrimSpace(strings.Repeat("5001 5003/udp ", 16))}
	for len(sequences) < 8 {
		sequences = append(sequences, randomKnocks(random))
	}
	for i, sequence := range sequences[1:] {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			d := newDaemonDoor(t, lab.New(t), "knockd", "# Knock: "+sequence+"\n", "22,8022", "knockd.conf")
			flags := "-4"
			if i%2 == 1 {
				flags = "-6"
			}
			d.knockd(t)
			d.l.Server.Banner(t, 22)
			d.l.Server.Banner(t, 8022)
			d.mustStay(t, "-w 0.3 "+flags, "22", "before", "9")
			if i != 2 { // whose reverse, again and again, is itself
				words := strings.Fields(strings.ReplaceAll(sequence, " pause", ",pause"))
				slices.Reverse(words)
				d.mustStay(t, "-w 0.9 "+flags, "8022", "wrong order", strings.Fields(strings.ReplaceAll(strings.Join(words, " "), ",pause", " pause"))...)
			}
			d.mustOpen(t, flags, "22")
			if !reach(d.l.Client, map[string]string{"-4": "198.51.100.2", "-6": "[2001:db8::2]"}[flags]+":8022") {
				t.Error("the second port is shut")
			}
			if i > 0 {
				return
			}
			behind := d.l.Behind(t)
			if !reach(behind, "203.0.113.1:22") || !reach(behind, "[2001:db8:113::1]:22") {
				t.Error("the LAN needs a knock")
			}
			d.comment(t, "Remove it:")
			if !reach(d.l.Client, "198.51.100.2:22") || !reach(d.l.Client, "[2001:db8::2]:22") {
				t.Error("the port is still shut after the removal")
			}
		})
	}
}

// randomKnocks is a sequence of TCP, UDP and pauses that knockd can express.
func randomKnocks(r *rand.Rand) string {
	var words []string
	for n := 3 + r.IntN(6); n > 0; n-- {
		port := 1024 + r.IntN(7000)
		words = append(words, fmt.Sprintf([]string{"%d", "%d/udp", "udp:%d", "%d"}[r.IntN(4)], port))
		if r.IntN(4) == 0 && n > 1 {
			words = append(words, fmt.Sprintf("pause:%dms", 50+r.IntN(200)))
		}
	}
	return strings.Join(words, " ")
}

// TestRulesKnockdClose opens and shuts two doors of one knockd.
func TestRulesKnockdClose(t *testing.T) {
	t.Parallel()
	lab.Need(t, "knockd", "stdbuf", "nft")
	d := newDaemonDoor(t, lab.New(t), "knockd", "# Knock: 7001 7002 7003\n# KnockClose: 7101 7102\n", "22", "knockd.conf")
	log := d.knockd(t)
	d.l.Server.Banner(t, 22)
	d.mustOpen(t, "-4", "22")
	log.Await("knockpipe_22 close: OPEN SESAME")
	for deadline := time.Now().Add(5 * time.Second); ; {
		set, err := d.l.Server.Command("nft", "list", "set", "inet", "knockpipe_22", "clients4").Output()
		if err == nil && !strings.Contains(string(set), "198.51.100.1") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the door is still open: %v:\n%s", err, set)
		}
	}
}

// TestRulesKnockdOnce opens a door with a list, several times in a row. -rules does not
// change the list.
func TestRulesKnockdOnce(t *testing.T) {
	t.Parallel()
	lab.Need(t, "knockd", "stdbuf", "nft")
	l, list := lab.New(t), filepath.Join(t.TempDir(), "list")
	if out, err := knockpipe(t, l, "-once 20 "+list).CombinedOutput(); err != nil {
		t.Fatalf("-once: %v: %s", err, out)
	}
	before, _ := os.ReadFile(list)
	d := newDaemonDoor(t, l, "knockd", "# Knock: once:"+list+"\n", "22", "knockd.conf")
	if after, _ := os.ReadFile(list); string(after) != string(before) {
		t.Errorf("-rules has changed the list:\n%s", after)
	}
	d.run(t, "install -m 600 "+list+" /etc/knockd.sequences")
	d.knockd(t)
	d.l.Server.Banner(t, 22)
	d.mustStay(t, "-w 0.3 -4", "22", "before", "9")
	for session := range 4 {
		d.mustOpen(t, "-4", "22")
		shutKnockd(t, d.l)
		now, _ := os.ReadFile(list)
		d.run(t, "cmp "+list+" /etc/knockd.sequences")
		if got := strings.Count(string(now), "\n#"); got != session+2 {
			t.Errorf("session %d: the list has\n%s", session, now)
		}
	}
}
