package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"knockpipe/internal/rules"
	"knockpipe/knock"
	"knockpipe/knock/once"
	"knockpipe/proxy"
)

// A question is what the command line asks for.
type question struct {
	Process
	host   string
	port   uint16 // zero if left out
	knocks knock.Sequence

	alias   string
	login   string
	family  proxy.Family
	source  netip.Addr
	timeout time.Duration // zero if not given
	once    int           // how long a list to write; zero for none
	list    string        // and where
	config  string        // the only config file, if not empty
	logFile string
	verbose int
	rules   string         // the format to print; empty for none
	ports   []uint16       // for rules, all of them
	lan     []netip.Prefix // for rules

	only4, only6, pass, knockOnly, explain, checkup, wait, showVersion, help bool
}

// parseArgs reads the command line. Every error is a [*failure] with exit 2.
func parseArgs(args []string) (*question, error) {
	q := &question{family: proxy.AnyFamily}
	flags := flag.NewFlagSet("knockpipe", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	q.define(flags)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return &question{help: true}, nil
	} else if err != nil {
		return nil, badUsage(err)
	}
	if q.showVersion {
		return q, nil
	}
	if err := q.positional(flags.Args()); err != nil {
		return nil, badUsage(err)
	}
	if err := q.check(); err != nil {
		return nil, badUsage(err)
	}
	return q, nil
}

// define registers the flags, each one-letter name with its long twin.
func (q *question) define(flags *flag.FlagSet) {
	text := func(p *string, names ...string) {
		for _, name := range names {
			flags.StringVar(p, name, "", "")
		}
	}
	yes := func(p *bool, names ...string) {
		for _, name := range names {
			flags.BoolVar(p, name, false, "")
		}
	}
	value := func(set func(string) error, names ...string) {
		for _, name := range names {
			flags.Func(name, "", set)
		}
	}
	yes(&q.only4, "4")
	yes(&q.only6, "6")
	text(&q.logFile, "E", "log")
	yes(&q.checkup, "check")
	yes(&q.pass, "F")
	text(&q.config, "f", "config")
	yes(&q.explain, "G")
	yes(&q.knockOnly, "k", "knock-only")
	text(&q.login, "l", "login")
	value(func(s string) (err error) {
		q.once, err = strconv.Atoi(s)
		if err != nil || q.once < 2 || q.once > once.MaxSequences {
			return fmt.Errorf("not a number between 2 and %d", once.MaxSequences)
		}
		return nil
	}, "once")
	text(&q.alias, "n", "alias")
	value(func(s string) (err error) {
		if q.source, err = netip.ParseAddr(s); err != nil {
			return errors.New("not an address")
		}
		return nil
	}, "s", "source")
	text(&q.rules, "rules")
	value(func(s string) error {
		for _, text := range strings.Split(s, ",") {
			prefix, err := parseLAN(text)
			if err != nil {
				return err
			}
			if !slices.Contains(q.lan, prefix) {
				q.lan = append(q.lan, prefix)
			}
		}
		return nil
	}, "lan")
	yes(&q.showVersion, "V", "version")
	yes(&q.wait, "wait")
	flags.BoolFunc("v", "", func(string) error { q.verbose++; return nil })
	flags.BoolFunc("vv", "", func(string) error { q.verbose += 2; return nil })
	flags.BoolFunc("vvv", "", func(string) error { q.verbose += 3; return nil })
	value(func(s string) (err error) {
		q.timeout, err = parseSeconds(s)
		return err
	}, "w", "timeout")
}

// positional reads the host, the port and the knocks.
func (q *question) positional(args []string) (err error) {
	switch {
	case q.once > 0 && len(args) == 1:
		q.list = args[0]
		return nil
	case q.once > 0:
		return errors.New("-once takes a number and one file")
	case len(args) == 0:
		return errors.New("no host given")
	case badName(args[0]):
		return fmt.Errorf("bad host name %q", args[0])
	case badName(q.alias) && q.alias != "":
		return fmt.Errorf("bad alias %q", q.alias)
	}
	q.host, args = strings.TrimSuffix(strings.TrimPrefix(args[0], "["), "]"), args[1:]
	if i := slices.IndexFunc(args, func(s string) bool { return strings.HasPrefix(s, "-") }); i > 0 {
		return errors.New("flags go before the host")
	}
	switch {
	case len(args) > 0:
		if err := q.setPort(args[0]); err != nil {
			return err
		}
		if q.knocks, err = knock.Parse(args[1:]); err == nil && q.knocks.Has(knock.Exec) {
			err = errors.New("exec: is read in a config alone, as a plain keyword")
		}
		return err
	case !q.explain && !q.checkup && q.rules == "":
		return errors.New("no port given")
	}
	return nil
}

// setPort reads the port, or for -rules a list of them.
func (q *question) setPort(s string) error {
	list := []string{s}
	if q.rules != "" {
		list = strings.Split(s, ",")
	}
	for _, text := range list {
		port, err := parsePort(text)
		if err != nil {
			return err
		}
		if !slices.Contains(q.ports, port) {
			q.ports = append(q.ports, port)
		}
	}
	q.port = q.ports[0]
	return nil
}

// badName reports whether no host has this name.
func badName(s string) bool {
	return s == "" || s[0] == '-' || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// check settles the family and finds flags that do not go together.
func (q *question) check() error {
	switch {
	case q.only4 && q.only6:
		return errors.New("-4 and -6 exclude each other")
	case q.knockOnly && q.explain:
		return errors.New("-k and -G exclude each other")
	case q.pass && q.knockOnly:
		return errors.New("-F and -k exclude each other")
	case q.checkup && (q.pass || q.knockOnly || q.explain):
		return errors.New("-check excludes -F, -G and -k")
	case q.rules != "" && (q.pass || q.knockOnly || q.explain || q.checkup):
		return errors.New("-rules excludes -check, -F, -G and -k")
	case q.rules != "" && !slices.Contains(rules.Formats(), q.rules):
		return fmt.Errorf("-rules: unknown format %q: %s", q.rules, strings.Join(rules.Formats(), ", "))
	case q.rules == "" && q.lan != nil:
		return errors.New("-lan is for -rules")
	case q.wait && !q.checkup:
		return errors.New("-wait is for -check")
	case q.only4:
		q.family = proxy.IPv4
	case q.only6:
		q.family = proxy.IPv6
	}
	if !q.source.IsValid() {
		return nil
	}
	q.source = q.source.Unmap()
	if !q.family.Has(q.source) {
		return fmt.Errorf("source address %v is not an %v address", q.source, q.family)
	}
	if q.family = proxy.IPv6; q.source.Is4() {
		q.family = proxy.IPv4
	}
	return nil
}

// parseLAN reads a network, or the address of a single host.
func parseLAN(s string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(s)
	if addr, e := netip.ParseAddr(s); e == nil && addr.Zone() == "" {
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	if addr := prefix.Addr(); err == nil && addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	switch {
	case err != nil || prefix.Addr().Is4In6():
		return prefix, fmt.Errorf("%q is not a network such as 192.0.2.0/24 or 2001:db8::/32", s)
	case prefix.Bits() == 0:
		return prefix, fmt.Errorf("%q is everybody, and nothing would be guarded", s)
	}
	return prefix.Masked(), nil
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("bad port %q: not a number between 1 and 65535", s)
	}
	return uint16(n), nil
}

// parseSeconds reads a duration in which a bare number is seconds.
func parseSeconds(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		d, err = time.ParseDuration(s + "s")
	}
	if err != nil || d <= 0 {
		return 0, errors.New("not a time above zero such as 5, 2.5s or 1m")
	}
	return d, nil
}
