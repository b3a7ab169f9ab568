package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"knockpipe/config"
	"knockpipe/internal/file"
)

// A setting is a line of -G.
type setting struct {
	value string
	from  string // file:line, "command line" or "default"
}

// runExplain is -G: it prints the settings for the host, as "ssh -G" does, and where each
// one comes from. It shows the sequence on purpose.
func runExplain(o *options, process Process, report *reporter) error {
	p, err := makePlan(o, process.Getenv)
	if err != nil {
		return err
	}
	p.lookAtKey(o.login)
	found := p.defaults()
	for _, e := range p.settings.Entries() {
		found[e.Keyword] = setting{e.Value, e.Origin.String()}
	}
	if p.limit.cut {
		found["knocktimeout"] = setting{fmt.Sprint(p.limit.time.Seconds()), p.limit.from}
	}
	if p.name != o.host && !p.named {
		from := p.settings.Origin("HostName")
		if from.Line == 0 { // the name differs only in upper and lower case
			from = p.settings.Origin("Knock")
		}
		found["host"] = setting{p.name, from.String()}
	}
	for keyword, value := range o.settings() {
		found[keyword] = setting{value, "command line"}
	}
	if p.typed {
		found["knock"] = setting{p.knocks.String(), "command line"}
	}
	var text strings.Builder
	for _, keyword := range config.Keywords() {
		keyword = strings.ToLower(keyword)
		if s, ok := found[keyword]; ok {
			fmt.Fprintln(&text, strings.Map(printable, keyword+" "+s.value+" # "+s.from))
		}
	}
	for _, n := range p.settings.Notes {
		report.tell(true, fmt.Sprintf("warning: %v: %s", n.Origin, n.Text))
	}
	if _, err := io.WriteString(process.Stdout, text.String()); err != nil {
		return networkFailure("stdout", file.WithoutPath(err))
	}
	return nil
}

// defaults are the settings without any config.
func (p *plan) defaults() map[string]setting {
	return map[string]setting{
		"host":          {p.name, "command line"},
		"hostname":      {p.host, "default"},
		"port":          {"22", "default"},
		"addressfamily": {"any", "default"},
		"knock":         {"none", "default"},
		"knocktimeout":  {fmt.Sprint(defaultTimeout.Seconds()), "default"},
	}
}

// settings are those given on the command line.
func (o *options) settings() map[string]string {
	given := map[string]string{}
	set := func(keyword, value string, isSet bool) {
		if isSet {
			given[keyword] = value
		}
	}
	set("hostname", o.host, o.alias != "")
	set("user", o.login, o.login != "")
	set("port", strconv.Itoa(int(o.port)), o.port != 0)
	set("addressfamily", "inet", o.only4)
	set("addressfamily", "inet6", o.only6)
	set("bindaddress", o.source.String(), o.source.IsValid())
	set("knocktimeout", o.timeout.String(), o.timeout > 0)
	return given
}
