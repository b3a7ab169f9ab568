package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"knockpipe/internal/ip"
)

// getentTime bounds the second opinion on a name.
const getentTime = 3 * time.Second

// Resolve returns the addresses of host in the order in which they should be
// tried. A literal address, with or without a zone, stands for itself.
//
// A static Go program sees no nsswitch modules, so a name that it cannot find
// is looked up once more by getent(1), where that exists.
func Resolve(ctx context.Context, host string, family ip.Family) ([]netip.Addr, error) {
	if ip.BadName(host) { // from a config, or from ssh
		return nil, errors.New("not a host name or address")
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr = addr.Unmap(); !family.Has(addr) {
			return nil, fmt.Errorf("not an %v address", family)
		}
		return []netip.Addr{addr}, nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, family.Network(), host)
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	if len(addrs) == 0 {
		addrs = getent(ctx, host, family)
	}
	if len(addrs) == 0 {
		return nil, nameError(err, family)
	}
	return addrs, nil
}

// nameError says in few words why a name has no address.
func nameError(err error, family ip.Family) error {
	var dns *net.DNSError
	var errno syscall.Errno
	var other *net.AddrError // all its addresses are of the other family
	switch {
	case errors.As(err, &other):
		return fmt.Errorf("it has no %v address", family)
	case errors.As(err, &errno):
		return fmt.Errorf("name lookup failed: %w", errno)
	case !errors.As(err, &dns):
		return cause(err)
	case dns.IsTimeout:
		return errors.New("name lookup timed out")
	case dns.IsNotFound && family != ip.Any:
		return fmt.Errorf("no such host, or it has no %v address", family)
	case dns.IsNotFound:
		return errors.New("no such host")
	}
	return fmt.Errorf("name lookup failed: %s", dns.Err)
}

// getent asks the system's own resolver. It returns nothing if there is none or it fails.
func getent(ctx context.Context, host string, family ip.Family) []netip.Addr {
	ctx, cancel := context.WithTimeout(ctx, getentTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "getent", "ahosts", host)
	cmd.WaitDelay = 50 * time.Millisecond // a module's own child may hold the pipe open
	out, err := cmd.Output()
	if err != nil {
		return nil
	}
	return parseAhosts(out, family)
}

// parseAhosts reads lines like "192.0.2.1  STREAM host": an address has one for
// each type of socket.
func parseAhosts(out []byte, family ip.Family) []netip.Addr {
	var addrs []netip.Addr
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		addr, err := netip.ParseAddr(fields[0])
		addr = addr.Unmap()
		if err != nil || !family.Has(addr) || slices.Contains(addrs, addr) {
			continue
		}
		addrs = append(addrs, addr)
	}
	return addrs
}
