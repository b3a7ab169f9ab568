package config

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"knockpipe/internal/ip"
	"knockpipe/knock"
)

// The limits of what a file can set.
const (
	maxDelay   = time.Minute
	maxTimeout = time.Hour
	maxTries   = 1000

	maxConnects = 24
	maxName     = 1025 // bytes of a host name, as ssh has it (NI_MAXHOST)
)

// parseSequence reads the words of a Knock line.
func parseSequence(words []word) (knock.Sequence, error) {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	seq, err := knock.Parse(texts)
	for i := 0; err != nil && i < len(words); i++ {
		if _, e := knock.Parse(texts[i : i+1]); e != nil {
			return nil, &wordError{words[i].offset, err}
		}
	}
	return seq, err
}

// parseDuration reads a time such as 1.5s or 1m30s. A bare number is in unit.
func parseDuration(s string, unit, least, most time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if n, e := strconv.ParseFloat(s, 64); e == nil && strings.Trim(s, "0123456789.") == "" {
		if err = nil; n > most.Seconds()*1000 { // more than any unit allows: do not overflow
			n = most.Seconds() * 1000
		}
		d = time.Duration(n*float64(unit) + 0.5)
	}
	if err != nil || d < least || d > most {
		return 0, fmt.Errorf("not a time between %v and %v", least, most)
	}
	return d, nil
}

// parseCount reads how often something may be done.
func parseCount(s string, most uint64) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("not a number between 1 and %d", most)
	}
	return int(n), nil
}

// parseYesNo reads a flag in any of the forms that ssh takes.
func parseYesNo(s string) (bool, error) {
	switch lowerASCII(s) {
	case "yes", "true":
		return true, nil
	case "no", "false":
		return false, nil
	}
	return false, errors.New("not yes or no")
}

// parseHost reads a host name or an address. It need not be a well-formed name, because
// the resolver decides that, but it must be safe to show.
func parseHost(s string) (string, error) {
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f || r == '/' }
	if s == "" || len(s) > maxName || s[0] == '-' || strings.ContainsFunc(s, bad) {
		return "", errors.New("not a host name or address")
	}
	return s, nil
}

// parseFamily reads the value of AddressFamily: any, inet or inet6.
func parseFamily(s string) (ip.Family, error) {
	switch lowerASCII(s) {
	case "any":
		return ip.Any, nil
	case "inet":
		return ip.V4, nil
	case "inet6":
		return ip.V6, nil
	}
	return ip.Any, errors.New("not any, inet or inet6")
}

// parsePort reads a port as ssh does, where it may be a service's name.
func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil && strings.Trim(s, "0123456789") != "" {
		var service int
		service, err = net.LookupPort("tcp", s)
		n = uint64(service)
	}
	if err != nil || n == 0 || n > 0xffff {
		return 0, errors.New("not a port")
	}
	return uint16(n), nil
}

// parseSSHTime reads a time as ssh does: seconds, or numbers with a unit each
// (1h30m), in upper or lower case. "none" is zero.
func parseSSHTime(s string) (time.Duration, error) {
	if s == "none" {
		return 0, nil
	}
	var total time.Duration
	for first := true; first || s != ""; first = false {
		digits := strings.TrimLeft(s, "0123456789")
		n, err := strconv.ParseUint(s[:len(s)-len(digits)], 10, 31)
		if err != nil {
			return 0, errors.New("not a time")
		}
		unit := time.Second
		if digits != "" {
			switch lower(digits[0]) {
			case 's':
			case 'm':
				unit = time.Minute
			case 'h':
				unit = time.Hour
			case 'd':
				unit = 24 * time.Hour
			case 'w':
				unit = 7 * 24 * time.Hour
			default:
				return 0, errors.New("not a time")
			}
			digits = digits[1:]
		}
		if total += time.Duration(n) * unit; n > 1<<31/uint64(unit/time.Second) || total > 1<<31*time.Second {
			return 0, errors.New("not a time")
		}
		s = digits
	}
	return total, nil
}
