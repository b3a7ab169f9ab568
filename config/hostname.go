package config

import (
	"net/netip"
	"strings"
)

// hostName returns the HostName as far as ssh's files have been read.
func (r *reader) hostName() string {
	if h := r.ssh[kwHostName].text; h != "" {
		return expandHost(h, r.name)
	}
	return r.name
}

// expandHost replaces the %h and %% of a HostName. Any other token stays, because ssh
// refuses it.
func expandHost(value, name string) string {
	if !strings.Contains(value, "%") {
		return value
	}
	return strings.NewReplacer("%%", "%", "%h", name).Replace(value)
}

// finalName returns a host name as ssh has it in the second reading: an address in its
// usual form, a name in lower case. A name that only looks like an address is left
// unchanged.
func finalName(name string) string {
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.String()
	}
	if strings.ContainsAny(name, "%:") || strings.Trim(name, "0123456789.") == "" {
		return name
	}
	return lowerASCII(name)
}
