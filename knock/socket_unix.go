//go:build unix

package knock

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
)

// bind gives a socket the source that the sender asks for, if it does.
func (s *Sender) bind(fd int) error {
	if !s.Source.IsValid() {
		return nil
	}
	from, err := sockaddr(s.Source, 0)
	if err != nil {
		return err
	}
	return os.NewSyscallError("bind", syscall.Bind(fd, from))
}

func sockaddr(addr netip.Addr, port uint16) (syscall.Sockaddr, error) {
	if addr.Is4() {
		return &syscall.SockaddrInet4{Port: int(port), Addr: addr.As4()}, nil
	}
	sa := &syscall.SockaddrInet6{Port: int(port), Addr: addr.As16()}
	if zone := addr.Zone(); zone != "" {
		index, err := strconv.ParseUint(zone, 10, 32)
		if err != nil {
			ifi, err := net.InterfaceByName(zone)
			if err != nil {
				return nil, err
			}
			index = uint64(ifi.Index)
		}
		sa.ZoneId = uint32(index)
	}
	return sa, nil
}
