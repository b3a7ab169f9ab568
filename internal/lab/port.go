//go:build linux

package lab

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A port is a device of a host and its addresses.
type port struct {
	host     *Host
	dev      string
	ip4, ip6 netip.Prefix
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// cable joins two ports with a pair of virtual Ethernet devices.
func cable(t testing.TB, a, b port) {
	t.Helper()
	// A kernel that finds the same number at both ends takes up to a second to
	// notice that they are connected.
	a.host.ip(t, fmt.Sprintf("link add %s index 11 type veth peer name %s index 12 netns %s",
		a.dev, b.dev, b.host.netns))
	a.up(t)
	b.up(t)
	a.await(t)
	b.await(t)
}

// up gives the port's device its addresses and switches it on.
func (p port) up(t testing.TB) {
	t.Helper()
	p.host.ip(t,
		fmt.Sprintf("addr add %v dev %s", p.ip4, p.dev),
		fmt.Sprintf("addr add %v dev %s nodad", p.ip6, p.dev),
		fmt.Sprintf("link set %s up", p.dev))
}

// await returns when the port works, which takes the kernel some time after both ends are
// up.
func (p port) await(t testing.TB) {
	t.Helper()
	var err error
	p.host.Do(func() { err = awaitDevice(p.dev) })
	if err != nil {
		t.Fatalf("lab: %s of %s: %v", p.dev, p.host.Name, err)
	}
}

// awaitDevice returns when a device of the calling thread's host works: when the
// kernel calls it running and has given it the link-local address with which IPv6
// begins.
func awaitDevice(name string) error {
	news, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(news)
	groups := &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV6_IFADDR}
	if err := unix.Bind(news, groups); err != nil {
		return os.NewSyscallError("bind", err)
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if works, err := deviceWorks(name); works || err != nil {
			return err
		}
		// Any news is a reason to look again.
		unix.Poll([]unix.PollFd{{Fd: int32(news), Events: unix.POLLIN}}, int(time.Until(deadline).Milliseconds()))
		unix.Read(news, make([]byte, 1<<16))
	}
	return fmt.Errorf("not running after %v", patience)
}

// deviceWorks reports whether awaitDevice has nothing to wait for.
func deviceWorks(name string) (bool, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil || ifi.Flags&net.FlagRunning == 0 {
		return false, err
	}
	addrs, err := ifi.Addrs()
	if err != nil {
		return false, err
	}
	for _, addr := range addrs {
		if ipnet, ok := addr.(*net.IPNet); ok && ipnet.IP.To4() == nil && ipnet.IP.IsLinkLocalUnicast() {
			return true, nil
		}
	}
	return false, nil
}

// LinkDown switches the host's eth0 off. It keeps its addresses.
func (h *Host) LinkDown(t testing.TB) {
	t.Helper()
	h.ip(t, "link set eth0 down")
}

// LinkUp switches the host's eth0 on again.
func (h *Host) LinkUp(t testing.TB) {
	t.Helper()
	h.ip(t, "link set eth0 up")
	for _, end := range h.ends {
		end.await(t)
	}
}
