package config

import (
	"net/netip"
	"strconv"
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

// serverName returns one spelling for all that certainly mean the same server: an address
// in any form that a resolver takes, a name in upper case or with the dot of the root.
func serverName(name string) string {
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.Unmap().String()
	}
	if addr, ok := parseOldIPv4(name); ok {
		return addr.String()
	}
	return strings.TrimSuffix(lowerASCII(name), ".")
}

// parseOldIPv4 reads an IPv4 address in any form that inet_aton(3) takes: of one to four
// numbers, octal behind a 0 and hexadecimal behind a 0x, the last of which has the bytes
// that are left.
func parseOldIPv4(text string) (addr netip.Addr, ok bool) {
	var sum uint64
	for part := range 4 {
		number, rest, more := strings.Cut(text, ".")
		// The base is read off the prefix, of which 0b and 0o are Go's alone.
		if number == "" || number[0] < '0' || '9' < number[0] || strings.ContainsAny(number, "oO_") || len(number) > 1 && lower(number[1]) == 'b' {
			return addr, false
		}
		most := uint64(0xff)
		if !more {
			most = 1<<(8*(4-part)) - 1
		}
		n, err := strconv.ParseUint(number, 0, 64)
		if err != nil || n > most {
			return addr, false
		}
		if !more {
			sum |= n
			return netip.AddrFrom4([4]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}), true
		}
		sum |= n << (8 * (3 - part))
		text = rest
	}
	return addr, false
}
