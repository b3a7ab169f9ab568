package fwknop

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ignored are the variables that do not affect the packet.
var ignored = []string{
	"SPA_SERVER", "SPA_SOURCE_PORT", "VERBOSE", "NO_SAVE_ARGS", "USE_HMAC", "HTTP_USER_AGENT", "WGET_CMD",
	"RESOLVE_URL", "RESOLVE_IP_HTTP", "RESOLVE_IP_HTTPS", "RESOLVE_HTTP_ONLY", "SERVER_RESOLVE_IPV4",
	"USE_WGET_USER_AGENT", "GPG_RECIPIENT", "GPG_SIGNER", "GPG_HOMEDIR", "GPG_EXE", "GPG_SIGNING_PW",
	"GPG_SIGNING_PW_BASE64", "GPG_NO_SIGNING_PW", "USE_GPG_AGENT",
}

// unsupported are the variables that are not supported, and why.
var unsupported = map[string]string{
	"USE_GPG":         "GPG is not supported: use KEY and HMAC_KEY",
	"SPOOF_SOURCE_IP": "a forged source address is not supported",
	"KEY_FILE":        "not supported: write KEY or KEY_BASE64",
	"HMAC_KEY_FILE":   "not supported: write HMAC_KEY or HMAC_KEY_BASE64",
	"NAT_RAND_PORT":   "not supported, because the connection goes to the port that ssh names",
}

// set applies the variables. KEY wins over KEY_BASE64, wherever they stand.
func (s *Stanza) set(values map[string]value) error {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	slices.Reverse(names) // KEY after KEY_BASE64
	for _, name := range names {
		v := values[name]
		if err := s.setOne(name, v.text); err != nil {
			return fmt.Errorf("%d: %s: %w", v.line, shown(name), err)
		}
	}
	switch {
	case isYes(values["USE_HMAC"].text) && len(s.HMACKey) == 0:
		return fmt.Errorf("%d: USE_HMAC: no HMAC_KEY or HMAC_KEY_BASE64", values["USE_HMAC"].line)
	case values["ALLOW_IP"].text != "":
	default:
		for _, name := range []string{"RESOLVE_IP_HTTP", "RESOLVE_IP_HTTPS", "RESOLVE_URL"} {
			if v := values[name]; isYes(v.text) || name == "RESOLVE_URL" && v.text != "" {
				return fmt.Errorf("%d: %s: %w", v.line, name, errResolve)
			}
		}
	}
	return nil
}

func (s *Stanza) setOne(name, text string) (err error) {
	if why, ok := unsupported[name]; ok {
		if !isYes(text) && (name == "USE_GPG" || name == "NAT_RAND_PORT") {
			return nil
		}
		return errors.New(why)
	}
	switch name {
	case "KEY":
		s.Key = []byte(text)
	case "KEY_BASE64":
		s.Key, err = decodeKey(text)
	case "HMAC_KEY":
		s.HMACKey = []byte(text)
	case "HMAC_KEY_BASE64":
		s.HMACKey, err = decodeKey(text)
	case "DIGEST_TYPE":
		s.Digest, err = ParseDigest(text)
	case "HMAC_DIGEST_TYPE":
		s.HMACDigest, err = ParseDigest(text)
	case "ENCRYPTION_MODE":
		s.Legacy = strings.EqualFold(text, "legacy")
		if !s.Legacy && !strings.EqualFold(text, "CBC") {
			err = errors.New("not CBC or legacy")
		}
	case "SPOOF_USER":
		s.User = text
	case "ALLOW_IP":
		s.Allow, err = parseAllow(text)
	case "ACCESS":
		s.Access, err = text, checkAccess(text)
	case "FW_TIMEOUT":
		s.Timeout, err = parseSeconds(text)
	case "TIME_OFFSET":
		s.Offset, err = parseOffset(text)
	case "NAT_ACCESS":
		s.NAT = strings.Replace(text, ":", ",", 1)
		err = checkNAT(s.NAT)
	case "NAT_LOCAL":
		s.Local = isYes(text)
	case "NAT_PORT":
		s.NATPort, err = parsePort(text)
	case "SPA_SERVER_PORT":
		s.Port, err = parsePort(text)
	case "RAND_PORT":
		s.RandPort = isYes(text)
	case "SPA_SERVER_PROTO":
		s.Transport, err = parseTransport(text)
	default:
		if !slices.Contains(ignored, name) {
			err = errors.New("unknown variable")
		}
	}
	return err
}

// isYes reads a yes-or-no variable of fwknop, for which everything but Y is no.
func isYes(text string) bool { return strings.EqualFold(text, "Y") }

func decodeKey(text string) ([]byte, error) {
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, errors.New("not base64")
	}
	return key, nil
}

var errResolve = errors.New("knockpipe does not ask a web service for your address: set ALLOW_IP to source, or to the address that the server sees")

func parseAllow(text string) (netip.Addr, error) {
	switch strings.ToLower(text) {
	case "source":
		return netip.Addr{}, nil
	case "resolve":
		return netip.Addr{}, errResolve
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || !addr.Is4() {
		return netip.Addr{}, errors.New("not source or an IPv4 address")
	}
	if addr.IsUnspecified() {
		return netip.Addr{}, nil
	}
	return addr, nil
}

func parseTransport(text string) (Transport, error) {
	switch strings.ToLower(text) {
	case "udp":
		return UDP, nil
	case "tcp":
		return TCP, nil
	case "http":
		return HTTP, nil
	}
	return 0, errors.New("not udp, tcp or http")
}

func parsePort(text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, errors.New("not a port")
	}
	return uint16(n), nil
}

func parseSeconds(text string) (time.Duration, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || n > maxTimeout {
		return 0, errors.New("not a number of seconds up to " + strconv.Itoa(maxTimeout))
	}
	return time.Duration(n) * time.Second, nil
}

// parseOffset reads a time with a sign and a unit: s, m, h or d.
func parseOffset(text string) (time.Duration, error) {
	unit := time.Second
	number := text
	if i := strings.IndexByte("smhd", lower(text[len(text)-1])); i >= 0 {
		unit = []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}[i]
		number = text[:len(text)-1]
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n > 1e6 || n < -1e6 {
		return 0, errors.New("not a time such as 30s, -2m or 1h")
	}
	return time.Duration(n) * unit, nil
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
