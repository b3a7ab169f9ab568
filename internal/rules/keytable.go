package rules

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"knockpipe/knock/token"
)

// KeyName returns the name of a key, which comes from its file and names its table.
func KeyName(path string) (string, error) {
	name := strings.TrimSuffix(filepath.Base(path), ".key")
	const marks = "_-."
	letters := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(marks, r)
	}
	if name == "" || len(name) > maxKeyName || strings.Trim(name, marks) == "" || strings.TrimFunc(name, letters) != "" {
		return "", fmt.Errorf("%s: the table is named after this file: use at most %d letters, digits and %q", path, maxKeyName, marks)
	}
	return name, nil
}

// A Supply is the tokens of one key that a server gets.
type Supply struct {
	Name string // of the key, and so of its table
	Key  *token.Key

	Now   time.Time
	For   time.Duration // from Now until the last token does not count any more
	Fresh bool          // with those whose time has begun
}

const (
	// KeyTable is what the names of the tables of keys begin with.
	KeyTable = "knockpipe_key_"

	maxKeyName = 64 // bytes

	// MinSupply is the shortest supply that has a slot whose time has not begun.
	MinSupply = 10 * time.Minute

	// MaxSupply is how long a supply may last. A used token cannot open for a week (the
	// limit of the set) and is kept for 8 days.
	MaxSupply = 7 * 24 * time.Hour

	// tokenMark is the mark with which a key's table hands a packet over to the door's
	// table. It has no bit that kube-proxy (0xc000) or tailscale (0xff0000) use.
	tokenMark = 0x4b000074

	// lateTime is how long a token is kept after it no longer counts, so that a late one
	// is counted as late.
	lateTime = time.Hour
)

// Write writes the supply as a script for nft, token by token.
//
// A script that is cut short is an error to nft, or leaves the rules unchanged: they are one
// block, which begins on the line that removes the old rules. Only a cut behind one of that
// line's commands would remove rules and bring no others, so that the key does not open until
// a script is loaded again. nft has no command that does both. So that the end of this
// process never cuts that line, it is a write of its own, and small enough for a pipe to
// take it whole (PIPE_BUF).
func (s *Supply) Write(w io.Writer) error {
	first, last := s.slots()
	table := KeyTable + s.Name
	stub, create, flush := "\tchain open_v1 { }\n", "", ""
	if s.Fresh { // refused where the key is loaded, as its tokens may have been used
		// A "create table" above all would say it best, but makes nft 0.9.8 crash.
		stub, create = "", "create chain inet "+table+" open_v1\n"
	}
	for _, old := range []string{"chain %s open_v1", "chain %s token_v1", "chain %s data_v1", "chain %s prerouting_v1", "map %s even_v1", "map %s odd_v1"} {
		flush += fmt.Sprintf("flush "+old+"; ", "inet "+table)
	}
	fill := strings.NewReplacer(
		"SPAN", s.span(first, last), "TABLE", table, "NAME", s.Name, "OPEN", stub, "CREATE", create, "FLUSH ", flush,
		"MARK", fmt.Sprintf("%#x", tokenMark), "NEEDS", s.needs(), "DATA", s.data(), "CARRIERS", s.carriers())
	b := bufio.NewWriterSize(w, 64<<10)
	clock := func(odd token.Slot) func(token.Slot) {
		return func(slot token.Slot) {
			if slot%2 == odd {
				fmt.Fprintf(b, "\n%d-%d : %d,", slot.Begin().Unix(), (slot + 1).Begin().Unix(), slot)
			}
		}
	}
	now := token.SlotOf(s.Now)
	text := mustRead("keytable.nft")
	for _, part := range []struct {
		place    string
		from, to token.Slot
		write    func(slot token.Slot)
	}{
		{"TOKENS", first, last, func(slot token.Slot) {
			left := s.left(slot.Shuts().Add(lateTime))
			for n := range token.PerSlot {
				t := s.Key.Token(slot, n)
				fmt.Fprintf(b, "\n0x%x timeout %ds : %d,", t[:], left, slot)
			}
		}},
		{"COUNTS", first, last, func(slot token.Slot) {
			left := s.left(slot.Shuts().Add(lateTime))
			fmt.Fprintf(b, "\n%d . %d timeout %ds, %[1]d . %[1]d timeout %[3]ds, %[1]d . %[4]d timeout %[3]ds,", slot, slot-1, left, slot+1)
		}},
		{"COMING", first, last, func(slot token.Slot) { fmt.Fprintf(b, "\n%d timeout %ds,", slot, s.left(slot.Opens())) }},
		{"EVEN", now, last + 1, clock(0)},
		{"ODD", now, last + 1, clock(1)},
	} {
		before, after, _ := strings.Cut(text, part.place)
		removes := strings.Contains(before, "FLUSH")
		if removes {
			b.Flush()
		}
		if fill.WriteString(b, before); removes {
			b.Flush()
		}
		for slot := part.from; slot <= part.to; slot++ {
			part.write(slot)
		}
		text = after
	}
	fill.WriteString(b, text)
	return b.Flush()
}

// left returns the seconds until a time, at least one, because zero would mean for ever.
func (s *Supply) left(until time.Time) int {
	return max(1, int(until.Sub(s.Now)/time.Second))
}

// slots returns the first and the last slot. A token whose time has not begun cannot have
// been used, even before a boot.
func (s *Supply) slots() (first, last token.Slot) {
	first = s.present()
	for !s.Fresh && !first.Opens().After(s.Now) {
		first++
	}
	for last = first; !(last + 1).Shuts().After(s.Now.Add(s.For)); {
		last++
	}
	return first, last
}

// present is the first slot that counts now.
func (s *Supply) present() token.Slot {
	slot := token.SlotOf(s.Now)
	for slot > 0 && (slot - 1).Shuts().After(s.Now) {
		slot--
	}
	return slot
}

func (s *Supply) span(first, last token.Slot) string {
	const format = "2006-01-02 15:04"
	return first.Opens().UTC().Format(format) + " to " + last.Shuts().UTC().Format(format) + " UTC"
}

// needs says which nft and Linux can load the table: as tried with the nft of Debian 11
// and Ubuntu 22.04.
func (s *Supply) needs() string {
	if s.bySYN() {
		return "It needs nft 1.0.2 and Linux 5.16 or later, for a token in a SYN."
	}
	return "It needs nft 0.9.8 or later."
}

// data returns the rules that strike what comes in a SYN. Where none does, they would
// only keep an older nft from loading the table.
func (s *Supply) data() string {
	if !s.bySYN() {
		return ""
	}
	return "\t\tadd @spent_v1 { @ih,0,128 limit rate 1/week burst 1 packets } goto open_v1\n" +
		"\t\tcounter name used_v1 meta mark set 0\n"
}

func (s *Supply) bySYN() bool {
	return slices.ContainsFunc(s.Key.Carriers, func(c token.Carrier) bool { return c.Proto == "tcp" })
}

// carriers returns a rule for each carrier.
func (s *Supply) carriers() string {
	var b strings.Builder
	rule := func(match, token, chain string) {
		fmt.Fprintf(&b, "\t\t%s meta mark set %s map @tokens_v1 goto %s_v1\n", match, token, chain)
	}
	for _, c := range s.Key.Carriers {
		switch c.Proto {
		case "udp":
			rule(fmt.Sprintf("udp dport %d udp length %d", c.Port, 8+token.Size), "@th,64,128", "token")
		case "icmp":
			rule("icmp type echo-request", "@th,64,128", "token")
			rule("icmpv6 type echo-request", "@th,64,128", "token")
		case "tcp":
			rule(fmt.Sprintf("tcp dport %d tcp flags & (syn|ack) == syn", c.Port), "@ih,0,128", "data")
		}
	}
	return b.String()
}
