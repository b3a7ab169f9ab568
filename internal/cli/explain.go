package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A setting is a line of -G.
type setting struct {
	value string
	from  string // file:line, "command line" or "default"
}

// explained is what -G prints, in this order, of what is set.
var explained = []string{"hostname", "user", "port", "addressfamily", "bindaddress", "bindinterface", "connecttimeout",
	"knock", "knockclose", "knockconnects", "knockdelay", "knocktimeout", "knocktries", "knockhost", "knockmemory"}

// explain prints what would be used for the host as "ssh -G" does, and where it
// comes from. It shows the sequence, as it is asked to.
func (p *plan) explain(w io.Writer, report *reporter) error {
	found := p.defaults()
	for _, e := range p.settings.Entries() {
		found[e.Keyword] = setting{e.Value, e.Origin.String()}
	}
	if p.timeout == 0 && p.settings.ConnectTimeout > 0 && len(p.knocks) > 0 && p.limit < p.settings.ConnectTimeout {
		for _, e := range p.settings.Entries() {
			if e.Keyword == "connecttimeout" && (p.settings.KnockTimeout == 0 && p.limit < defaultTimeout || p.limit < p.settings.KnockTimeout) {
				found["knocktimeout"] = setting{fmt.Sprint(p.limit.Seconds()), "before ConnectTimeout, " + e.Origin.String()}
			}
		}
	}
	for keyword, value := range p.given() {
		found[keyword] = setting{value, "command line"}
	}
	var text strings.Builder
	for _, keyword := range explained {
		if s, ok := found[keyword]; ok {
			fmt.Fprintln(&text, strings.Map(printable, keyword+" "+s.value+" # "+s.from))
		}
	}
	for _, n := range p.settings.Notes {
		report.tell(true, fmt.Sprintf("warning: %v: %s", n.Origin, n.Text))
	}
	_, err := io.WriteString(w, text.String())
	if err != nil {
		return networkFailure("stdout", err)
	}
	return nil
}

// defaults are the settings that hold without any config.
func (p *plan) defaults() map[string]setting {
	return map[string]setting{
		"hostname":      {p.host, "default"},
		"port":          {"22", "default"},
		"addressfamily": {"any", "default"},
		"knock":         {"none", "default"},
		"knocktimeout":  {fmt.Sprint(defaultTimeout.Seconds()), "default"},
	}
}

// given is what the command line says.
func (p *plan) given() map[string]string {
	given := map[string]string{}
	set := func(keyword, value string, isSet bool) {
		if isSet {
			given[keyword] = value
		}
	}
	set("hostname", p.host, p.alias != "")
	set("user", p.login, p.login != "")
	set("port", strconv.Itoa(int(p.port)), p.port != 0)
	set("addressfamily", "inet", p.only4)
	set("addressfamily", "inet6", p.only6)
	set("bindaddress", p.source.String(), p.source.IsValid())
	set("knock", p.question.knocks.String(), len(p.question.knocks) > 0)
	set("knocktimeout", p.timeout.String(), p.timeout > 0)
	return given
}
