package rules

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"knockpipe/knock"
)

// A router goes through rules as RouterOS does.
type router struct {
	rules []rule
	lists map[string]bool // an address and its list; nothing times out
}

// A seen packet is what the rules can tell of one.
type seen struct {
	src, proto, icmp, state, content string
	port, size                       int
}

// input reports whether a packet is accepted, if the chain's end accepts.
func (r *router) input(chain string, p seen) (accepted, decided bool) {
	for _, rule := range r.rules {
		if rule["chain"] != chain || !r.matches(rule, p) {
			continue
		}
		switch rule["action"] {
		case "accept":
			return true, true
		case "drop":
			return false, true
		case "return":
			return true, false
		case "jump":
			if accepted, decided := r.input(rule["jump-target"], p); decided {
				return accepted, true
			}
		case "add-src-to-address-list":
			r.lists[rule["address-list"]+" "+p.src] = true
		}
	}
	return true, false
}

func (r *router) matches(rule rule, p seen) bool {
	among := func(name, value string) bool {
		return rule[name] == "" || slices.Contains(strings.Split(rule[name], ","), value)
	}
	inside := true
	if prefix, err := netip.ParsePrefix(rule["src-address"]); err == nil {
		inside = prefix.Contains(netip.MustParseAddr(p.src))
	}
	content := true
	if text := rule["content"]; text != "" {
		text = regexp.MustCompile(`\\([0-9A-F]{2})`).ReplaceAllStringFunc(text[1:len(text)-1], func(s string) string {
			c, _ := strconv.ParseUint(s[1:], 16, 8)
			return string(rune(c))
		})
		content = strings.Contains(p.content, text)
	}
	list := rule["src-address-list"]
	return inside && content && among("protocol", p.proto) && among("dst-port", fmt.Sprint(p.port)) && among("icmp-options", p.icmp) &&
		among("connection-state", p.state) && among("packet-size", fmt.Sprint(p.size)) && (list == "" || r.lists[list+" "+p.src])
}

// packet is what the client sends for a step.
func packet(family, src string, step knock.Step) seen {
	p := seen{src: src, state: "new", proto: step.Kind()}
	headers := map[string]int{"/ip": 20, "/ipv6": 40}[family]
	switch step := step.(type) {
	case knock.TCP:
		p.port, p.size = int(step.Port), headers+40
	case knock.UDP:
		p.port, p.content, p.size = int(step.Port), step.Payload, headers+8+len(step.Payload)
	case knock.ICMP:
		p.size, p.icmp = headers+8+step.Size, "8:0"
		if family == "/ipv6" {
			p.proto, p.icmp = "icmpv6", "128:0"
		}
	}
	return p
}

// TestMikrotik plays random sequences to a model of the router, because there is no real
// one: the sequence opens, but not without one of its knocks or in the reverse order.
func TestMikrotik(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	for range 100 {
		var words []string
		for n := 1 + r.IntN(6); n > 0; n-- {
			word := []string{"%d", "%d,connect", "udp:%d", "udp:%d,size=40", "udp:%d,text=open", `udp:%d,text=a"\$?b`}[r.IntN(6)]
			words = append(words, fmt.Sprintf(word, 1+r.IntN(5)))
			if r.IntN(4) == 0 {
				words = append(words, fmt.Sprintf("icmp,size=%d", r.IntN(3)), "pause:20")
			}
		}
		d := door(t, strings.Join(words, " "), "")
		d.LAN = lan
		text, err := Make("mikrotik", d)
		if err != nil {
			t.Fatal(err)
		}
		rules, err := parseRSC(text)
		if err != nil {
			t.Fatal(err)
		}
		for family, home := range map[string][2]string{"/ip": {"198.51.100.1", "192.0.2.7"}, "/ipv6": {"2001:db8::1", "2001:db8:5::7"}} {
			play := func(seq knock.Sequence) bool {
				router := &router{rules[family], make(map[string]bool)}
				for _, step := range seq {
					if step.Facts().Pause == 0 {
						router.input("input", packet(family, home[0], step))
					}
				}
				if in, _ := router.input("input", seen{src: home[1], proto: "tcp", port: 22, state: "new"}); !in {
					t.Errorf("seed %d: %s: the LAN is shut out", seed, family)
				}
				if in, _ := router.input("input", seen{src: home[0], proto: "tcp", port: 22, state: "established"}); !in {
					t.Errorf("seed %d: %s: a session ends", seed, family)
				}
				if in, _ := router.input("input", seen{src: home[0], proto: "tcp", port: 80, state: "new"}); !in {
					t.Errorf("seed %d: %s: another port is shut", seed, family)
				}
				in, _ := router.input("input", seen{src: home[0], proto: "tcp", port: 22, state: "new"})
				return in
			}
			if !play(d.Hosts[0].Knock) {
				t.Errorf("seed %d: %s: %v stays shut:\n%s", seed, family, d.Hosts[0].Knock, text)
			}
			for i, step := range d.Hosts[0].Knock {
				if step.Facts().Pause > 0 {
					continue
				}
				if less := slices.Delete(slices.Clone(d.Hosts[0].Knock), i, i+1); play(less) && less.String() != d.Hosts[0].Knock.String() {
					t.Errorf("seed %d: %s: %v opens without knock %d:\n%s", seed, family, d.Hosts[0].Knock, i+1, text)
				}
			}
			back := slices.Clone(d.Hosts[0].Knock)
			slices.Reverse(back)
			if play(back) && !slices.Equal(strip(back), strip(d.Hosts[0].Knock)) {
				t.Errorf("seed %d: %s: %v opens in reverse:\n%s", seed, family, d.Hosts[0].Knock, text)
			}
		}
	}
}

// strip leaves only the knocks, as a router sees them.
func strip(seq knock.Sequence) knock.Sequence {
	var knocks knock.Sequence
	for _, step := range seq {
		switch step := step.(type) {
		case knock.Pause:
		case knock.TCP:
			knocks = append(knocks, knock.TCP{Port: step.Port})
		default:
			knocks = append(knocks, step)
		}
	}
	return knocks
}
