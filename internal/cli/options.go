package cli

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"knockpipe/internal/ip"
	"knockpipe/internal/rules"
	"knockpipe/knock"
	"knockpipe/knock/once"
)

// The options of the command line, parsed.
type options struct {
	mode *mode

	host   string
	port   uint16 // zero if left out
	knocks knock.Sequence

	alias   string
	login   string
	only4   bool
	only6   bool
	family  ip.Family // by only4, only6 and source
	source  netip.Addr
	timeout time.Duration // zero if not given
	config  string        // the only config file, if not empty
	logFile string
	verbose int

	pass   bool           // of the pipe: -F
	wait   bool           // of -check
	asSSH  bool           // of -check: the host is the HostName that ssh passes
	format string         // of -rules
	hosts  []string       // of -rules: all of them, host being the first
	ports  []uint16       // of -rules: all of them
	lan    []netip.Prefix // of -rules
	trial  time.Duration  // of -rules; zero is for good
	wide   bool           // of -rules
	count  int            // of -once: how many sequences

	files    []string      // of -once, -keygen and -tokens
	carriers []string      // of -keygen
	fresh    bool          // of -tokens
	supply   time.Duration // of -tokens: how long it lasts; zero if not given

	asked []*mode // by the options, in their order
}

// parseOptions reads the command line. Every error is a [*failure] with exit 2.
func parseOptions(args []string) (*options, error) {
	o := new(options)
	flags := flag.NewFlagSet("knockpipe", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	o.define(flags)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return &options{mode: helpMode}, nil
	} else if err != nil {
		return nil, badUsage(flagError(err))
	}
	if slices.Contains(o.asked, versionMode) {
		o.mode = versionMode
		return o, nil
	}
	if err := o.settleMode(); err != nil {
		return nil, badUsage(err)
	}
	if err := o.positional(flags.Args()); err != nil {
		return nil, badUsage(err)
	}
	if err := o.settle(); err != nil {
		return nil, badUsage(err)
	}
	return o, nil
}

// flagError returns an error of package flag in the words of the documents, which call
// a flag an option.
func flagError(err error) error {
	words := strings.NewReplacer("flag provided but not defined: ", "unknown option: ", "flag needs an argument: ", "option needs an argument: ",
		"bad flag syntax: ", "bad option: ", " for flag -", " for -")
	return errors.New(words.Replace(err.Error()))
}

// define registers the options, each under its one-letter and its long name.
func (o *options) define(flags *flag.FlagSet) {
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
	asks := func(m *mode, names ...string) {
		for _, name := range names {
			flags.BoolFunc(name, "", func(s string) error {
				asked, err := strconv.ParseBool(s)
				switch {
				case err != nil:
					return errors.New("parse error") // as package flag has it
				case asked:
					o.asked = append(o.asked, m)
				default:
					o.asked = slices.DeleteFunc(o.asked, func(other *mode) bool { return other == m })
				}
				return nil
			})
		}
	}
	yes(&o.only4, "4")
	yes(&o.only6, "6")
	text(&o.logFile, "E", "log")
	asks(checkMode, "check")
	yes(&o.pass, "F")
	text(&o.config, "f", "config")
	value(func(s string) (err error) {
		o.supply, err = parseSupply(s)
		return err
	}, "for")
	yes(&o.fresh, "fresh")
	asks(explainMode, "G")
	asks(keygenMode, "keygen")
	asks(knockMode, "k", "knock-only")
	text(&o.login, "l", "login")
	value(func(s string) (err error) {
		o.asked = append(o.asked, onceMode)
		o.count, err = strconv.Atoi(s)
		if err != nil || o.count < 2 || o.count > once.MaxSequences {
			return fmt.Errorf("not a number between 2 and %d", once.MaxSequences)
		}
		return nil
	}, "once")
	text(&o.alias, "n", "alias")
	value(func(s string) (err error) {
		if o.source, err = netip.ParseAddr(s); err != nil {
			return errors.New("not an address")
		}
		return nil
	}, "s", "source")
	value(func(s string) error {
		o.asked, o.format = append(o.asked, rulesMode), s
		return nil
	}, "rules")
	value(func(s string) error {
		for _, text := range strings.Split(s, ",") {
			prefix, err := parseLAN(text)
			if err != nil {
				return err
			}
			if !slices.Contains(o.lan, prefix) {
				o.lan = append(o.lan, prefix)
			}
		}
		return nil
	}, "lan")
	asks(tokensMode, "tokens")
	value(func(s string) (err error) {
		o.trial, err = parseTrial(s)
		return err
	}, "trial")
	asks(versionMode, "V", "version")
	yes(&o.wait, "wait")
	yes(&o.wide, "wide")
	flags.BoolFunc("v", "", func(string) error { o.verbose++; return nil })
	flags.BoolFunc("vv", "", func(string) error { o.verbose += 2; return nil })
	flags.BoolFunc("vvv", "", func(string) error { o.verbose += 3; return nil })
	value(func(s string) (err error) {
		o.timeout, err = parseSeconds(s)
		return err
	}, "w", "timeout")
}

// settleMode finds the one mode that the options select, and options that the mode does
// not have.
func (o *options) settleMode() error {
	o.mode = pipeMode
	for _, m := range o.asked {
		if o.mode != pipeMode && o.mode != m {
			return fmt.Errorf("%s and %s cannot be combined", o.mode.option, m.option)
		}
		o.mode = m
	}
	switch {
	case o.pass && o.mode != pipeMode:
		return fmt.Errorf("-F and %s cannot be combined", o.mode.option)
	case o.mode == rulesMode && !slices.Contains(rules.Formats(), o.format):
		return fmt.Errorf("-rules: unknown format %q: %s", o.format, strings.Join(rules.Formats(), ", "))
	case o.mode != rulesMode && o.lan != nil:
		return errors.New("-lan needs -rules")
	case o.mode != rulesMode && o.trial > 0:
		return errors.New("-trial needs -rules")
	case o.mode != rulesMode && o.wide:
		return errors.New("-wide needs -rules")
	case o.mode != checkMode && o.wait:
		return errors.New("-wait needs -check")
	case o.mode != tokensMode && o.fresh:
		return errors.New("-fresh needs -tokens")
	case o.mode != tokensMode && o.supply > 0:
		return errors.New("-for needs -tokens")
	}
	return nil
}

// positional reads the host, the port and the knocks, or the file.
func (o *options) positional(args []string) (err error) {
	switch {
	case o.mode.file:
		return o.positionalFiles(args)
	case len(args) == 0:
		return errors.New("no host given")
	case ip.BadName(args[0]):
		return fmt.Errorf("bad host name %q", args[0])
	case ip.BadName(o.alias) && o.alias != "":
		return fmt.Errorf("bad alias %q", o.alias)
	}
	// A client that does not know %n passes the two characters.
	if o.alias == "%n" {
		o.alias = ""
	}
	o.host, args = args[0], args[1:]
	if o.mode != rulesMode { // which may have several
		if err := o.setUser(); err != nil {
			return err
		}
	}
	if misplaced(args) {
		return errors.New("options go before the host")
	}
	if err := o.setHosts(); err != nil {
		return err
	}
	switch {
	case len(args) > 0:
		if err := o.setPort(args[0]); err != nil {
			return err
		}
		switch o.knocks, err = knock.Parse(args[1:]); {
		case err == nil && o.knocks.Runs():
			return errors.New("exec: works only in a config file, as a plain keyword")
		case err == nil && len(o.knocks) > 0 && len(o.hosts) > 1:
			return errors.New("knocks on the command line cannot be combined with a list of hosts")
		}
		return err
	case !o.mode.portless:
		return errors.New("no port given")
	}
	return nil
}

// misplaced reports whether an option is among what follows the host. A number below zero
// in the place of the port is a bad port.
func misplaced(args []string) bool {
	for i, s := range args {
		rest, dash := strings.CutPrefix(s, "-")
		if dash && (i > 0 || strings.Trim(rest, "0123456789") != "") {
			return true
		}
	}
	return false
}

// setUser takes the user off the host, for those who type it as for ssh: user@host.
// As there, -l wins. ssh itself passes none. The brackets of [2001:db8::1] go as well.
func (o *options) setUser() error {
	i := strings.LastIndexByte(o.host, '@')
	switch {
	case i < 0:
		o.host = unbracketed(o.host)
		return nil
	case i == 0 || i == len(o.host)-1:
		return fmt.Errorf("bad host name %q", o.host)
	case !o.mode.byHand:
		return fmt.Errorf("bad host name %q: write only the host, and give the user with -l", o.host)
	}
	name := unbracketed(o.host[i+1:])
	if ip.BadName(name) {
		return fmt.Errorf("bad host name %q", o.host)
	}
	o.login, o.host = cmp.Or(o.login, o.host[:i]), name
	return nil
}

func unbracketed(host string) string { return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]") }

// positionalFiles reads the files of a mode that has no host.
func (o *options) positionalFiles(args []string) error {
	empty := func(s string) bool { return s == "" || s[0] == '-' }
	switch {
	case o.mode == onceMode && len(args) != 1:
		return errors.New("-once takes a number and one file")
	case len(args) == 0:
		return errors.New(o.mode.option + " takes a file")
	case o.mode != onceMode && slices.ContainsFunc(args, empty):
		return errors.New("options go before the file, whose name must not be empty")
	case o.mode == keygenMode:
		args, o.carriers = args[:1], args[1:]
	}
	o.files = args
	return nil
}

// setHosts reads the host, or for -rules a list of them.
func (o *options) setHosts() error {
	if o.mode != rulesMode {
		return nil
	}
	for _, host := range strings.Split(o.host, ",") {
		if ip.BadName(host) {
			return fmt.Errorf("bad host name %q", host)
		}
		if _, err := o.about(host); err != nil {
			return err
		}
		if !slices.Contains(o.hosts, host) {
			o.hosts = append(o.hosts, host)
		}
	}
	if o.host = o.hosts[0]; len(o.hosts) > 1 && o.alias != "" {
		return errors.New("-n cannot be combined with a list of hosts")
	}
	return nil
}

// setPort reads the port, or for -rules a list of them.
func (o *options) setPort(s string) error {
	list := []string{s}
	if o.mode == rulesMode {
		list = strings.Split(s, ",")
	}
	for _, text := range list {
		port, err := parsePort(text)
		if err != nil {
			return err
		}
		if !slices.Contains(o.ports, port) {
			o.ports = append(o.ports, port)
		}
	}
	o.port = o.ports[0]
	return nil
}

// settle determines the family, which the source address decides too.
func (o *options) settle() error {
	switch {
	case o.only4 && o.only6:
		return errors.New("-4 and -6 cannot be combined")
	case o.only4:
		o.family = ip.V4
	case o.only6:
		o.family = ip.V6
	}
	if !o.source.IsValid() {
		return nil
	}
	o.source = o.source.Unmap()
	if !o.family.Has(o.source) {
		return fmt.Errorf("source address %v is not an %v address", o.source, o.family)
	}
	o.family = ip.FamilyOf(o.source)
	return nil
}

// The limits of a trial: long enough to test the door, and to sleep on it.
const (
	shortestTrial = 10 * time.Second
	longestTrial  = 24 * time.Hour
)

// parseTrial reads how long a guard lasts, in whole seconds.
func parseTrial(s string) (time.Duration, error) {
	d, err := parseDays(s)
	if err != nil {
		d, err = parseSeconds(s)
	}
	switch {
	case err == nil && 0 < d && d < shortestTrial:
		return 0, fmt.Errorf("%v is too short to test a door: write 5m for five minutes", d)
	case err != nil || d <= 0 || d%time.Second != 0 || d > longestTrial:
		return 0, errors.New("not a time in whole seconds, from 10 seconds to a day, such as 5m, 2h or 1d")
	}
	return d, nil
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
		return prefix, fmt.Errorf("%q would let everybody in", s)
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

// parseSupply reads how long a supply lasts.
func parseSupply(s string) (time.Duration, error) {
	d, err := parseDays(s)
	if err != nil || d < rules.MinSupply || d > rules.MaxSupply {
		return 0, errors.New("not a time between 10 minutes and 7 days, such as 12h or 7d")
	}
	return d, nil
}

// parseDays reads a duration that may also be a number of days.
func parseDays(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 8)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(s)
}

// parseSeconds reads a duration in which a bare number is seconds.
func parseSeconds(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		d, err = time.ParseDuration(s + "s")
	}
	if err != nil || d <= 0 {
		return 0, errors.New("not a time above zero, such as 5, 2.5s or 1m")
	}
	return d, nil
}
