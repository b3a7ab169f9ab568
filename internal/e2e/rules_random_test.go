//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"knockpipe/knock"
)

// A randomKnock is a Knock line and what belongs to it.
type randomKnock struct {
	words    string   // as in a config
	settings []string // more lines of the config
	ports    string   // the guarded ones
	seq      knock.Sequence
}

func (d *randomKnock) String() string { return strings.Join(append(d.settings, d.words), "; ") }

// newKnock is the knock of some words.
func newKnock(words ...string) *randomKnock {
	seq, err := knock.Parse(words)
	if err != nil {
		panic(fmt.Sprintf("%q: %v", words, err))
	}
	quoted := make([]string, len(words))
	for i, word := range words {
		if quoted[i] = word; strings.Contains(word, " ") {
			quoted[i] = `"` + word + `"`
		}
	}
	return &randomKnock{words: strings.Join(quoted, " "), ports: "22", seq: seq}
}

// randomDoor is a knock of random steps, of a format's kinds. Its ports are few, so
// that they come again.
func randomDoor(r *rand.Rand, f *rulesFormat) *randomKnock {
	var ports [3]int
	for i := range ports {
		ports[i] = 10000 + r.IntN(50000)
	}
	words := make([]string, 1+r.IntN(6))
	for i := range words {
		words[i] = f.step(r, func() int { return ports[r.IntN(len(ports))] })
	}
	if r.IntN(4) == 0 {
		at := r.IntN(len(words) + 1)
		words = append(words[:at:at], append([]string{fmt.Sprintf("pause:%dms", 1+r.IntN(60))}, words[at:]...)...)
	}
	d := newKnock(words...)
	if r.IntN(2) == 0 {
		d.ports = "22,2222"
	}
	if r.IntN(4) == 0 {
		d.settings = []string{fmt.Sprintf("# KnockDelay: %d", 1+r.IntN(20))}
	}
	return d
}

// wrong is the sequence with one thing changed: what must not open the door.
func (d *randomKnock) wrong(r *rand.Rand) knock.Sequence {
	seq := append(knock.Sequence(nil), d.seq...)
	var knocks []int
	for i, step := range seq {
		if step.Facts().Pause == 0 {
			knocks = append(knocks, i)
		}
	}
	n := r.IntN(len(knocks))
	i := knocks[n]
	switch kind := r.IntN(3); {
	case kind == 0 && len(knocks) > 1: // one left out
		return append(seq[:i], seq[i+1:]...)
	case kind == 1 && n > 0 && sent(seq[i]) != sent(seq[knocks[n-1]]): // two swapped
		seq[i], seq[knocks[n-1]] = seq[knocks[n-1]], seq[i]
		return seq
	}
	switch step := seq[i].(type) {
	case knock.TCP:
		step.Port++
		seq[i] = step
	case knock.ICMP:
		step.Size++
		seq[i] = step
	case knock.UDP:
		switch content := strings.Trim(step.Payload, "\x00") != ""; {
		case content && r.IntN(2) == 0: // the last byte that the rules compare
			b := []byte(step.Payload)
			b[min(len(b), 256)-1] ^= 1
			step.Payload = string(b)
		case step.Payload != knock.BarePayload:
			step.Payload += "x"
		default:
			step.Port++
		}
		seq[i] = step
	}
	return seq
}

// sent is a step as a firewall sees it: of a whole connection, the first packet.
func sent(step knock.Step) knock.Step {
	if tcp, ok := step.(knock.TCP); ok {
		tcp.Connect = false
		return tcp
	}
	return step
}

// packetStep is a random step of the kinds that a firewall understands by itself.
func packetStep(r *rand.Rand, port func() int) string {
	switch r.IntN(10) {
	case 0, 1, 2:
		return fmt.Sprint(port())
	case 3:
		return fmt.Sprintf("tcp:%d,connect", port())
	case 4, 5:
		return fmt.Sprintf("%d/udp", port())
	case 6:
		text := "open sesame, and let me in: "
		return fmt.Sprintf("udp:%d,text=%s", port(), text[:1+r.IntN(len(text)-1)])
	case 7:
		data := make([]byte, 1+r.IntN(320))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		return fmt.Sprintf("udp:%d,hex=%x", port(), data)
	case 8:
		return fmt.Sprintf("udp:%d,size=%d", port(), 2+r.IntN(2000))
	}
	return fmt.Sprintf("icmp,size=%d", r.IntN(2000))
}
