//go:build linux

package lab

import (
	"encoding/binary"
	"iter"
	"net"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A capture is a packet socket with a ring of frames, as packet(7) and the kernel's
// packet_mmap.rst have it: the kernel fills one frame after the other and hands it over
// by its status, until it reaches a frame that was not handed back.
type capture struct {
	fd   int
	ring []byte
	next int // index of the frame to be filled next
}

const (
	frameSize  = 256
	frameCount = 1 << 15
	blockSize  = 1 << 16 // of frames that lie together in memory

	headersLength = 128 // what is kept of a packet
)

// openCapture starts to record on a device of the calling thread's host.
func openCapture(dev string) (*capture, error) {
	ifi, err := net.InterfaceByName(dev)
	if err != nil {
		return nil, err
	}
	// For protocol 0 it is deaf until it is bound, with all else set.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	c := &capture{fd: fd}
	if err := c.start(ifi.Index); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *capture) start(ifindex int) error {
	keep := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: headersLength}}
	program := &unix.SockFprog{Len: 1, Filter: &keep[0]}
	if err := unix.SetsockoptSockFprog(c.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, program); err != nil {
		return os.NewSyscallError("SO_ATTACH_FILTER", err)
	}
	if err := unix.SetsockoptInt(c.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2); err != nil {
		return os.NewSyscallError("PACKET_VERSION", err)
	}
	const size = frameSize * frameCount
	req := &unix.TpacketReq{Block_size: blockSize, Block_nr: size / blockSize, Frame_size: frameSize, Frame_nr: frameCount}
	if err := unix.SetsockoptTpacketReq(c.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, req); err != nil {
		return os.NewSyscallError("PACKET_RX_RING", err)
	}
	var err error
	if c.ring, err = unix.Mmap(c.fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return os.NewSyscallError("mmap", err)
	}
	every := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
	err = unix.Bind(c.fd, &unix.SockaddrLinklayer{Protocol: every, Ifindex: ifindex})
	return os.NewSyscallError("bind", err)
}

func (c *capture) close() {
	if c.ring != nil {
		unix.Munmap(c.ring)
	}
	unix.Close(c.fd)
}

// A frame is the beginning of a packet.
type frame struct {
	time time.Time
	out  bool
	data []byte // valid until the next frame
}

// frames yields the recorded frames that it has not yielded before.
func (c *capture) frames() iter.Seq[frame] {
	return func(yield func(frame) bool) {
		for {
			raw := c.ring[c.next*frameSize:][:frameSize]
			// The layout is the kernel's: header, address, data.
			header := (*unix.Tpacket2Hdr)(unsafe.Pointer(&raw[0]))
			if atomic.LoadUint32(&header.Status)&unix.TP_STATUS_USER == 0 {
				return
			}
			from := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&raw[unix.SizeofTpacket2Hdr]))
			more := yield(frame{
				time: time.Unix(int64(header.Sec), int64(header.Nsec)),
				out:  from.Pkttype == unix.PACKET_OUTGOING,
				data: raw[header.Net:][:header.Snaplen],
			})
			atomic.StoreUint32(&header.Status, unix.TP_STATUS_KERNEL)
			c.next = (c.next + 1) % frameCount
			if !more {
				return
			}
		}
	}
}

// drops returns the number of packets, since it was last asked, for which there
// was no frame.
func (c *capture) drops() (int, error) {
	stats, err := unix.GetsockoptTpacketStats(c.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, os.NewSyscallError("PACKET_STATISTICS", err)
	}
	return int(stats.Drops), nil
}
