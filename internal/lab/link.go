//go:build linux

package lab

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Link is what packets between client and server go through, the same in each
// direction. The zero value is a clean link, a little slower than the cable.
type Link struct {
	Delay  time.Duration // one way; a round trip takes twice as long
	Jitter time.Duration // each packet takes Delay ± Jitter, evenly spread, and may overtake others
	Loss   float64       // the share of packets that never arrive, 0 to 1
	Dup    float64       // the share of packets that arrive twice, each copy with a delay of its own
	Seed   uint64        // of the chances above; 0 takes a new one, which a failed test logs
}

// join puts a TUN device at each end and carries the packets between the two.
func (link Link) join(t testing.TB, a, b port) {
	t.Helper()
	if link.Seed == 0 {
		link.Seed = rand.Uint64()
	}
	r := &relay{link: link, done: make(chan struct{})}
	for i, p := range []port{a, b} {
		var err error
		p.host.Do(func() { r.fds[i], err = openTUN(p.dev) })
		if os.IsPermission(err) {
			skip(t, "a link with delay needs /dev/net/tun: %v", err)
		} else if err != nil {
			t.Fatalf("lab: %v", err)
		}
		r.chance[i] = rand.New(rand.NewPCG(link.Seed, uint64(i)))
		p.host.ip(t, "link set "+p.dev+" txqueuelen 1000") // a burst must fit
		p.up(t)
	}
	var err error
	if r.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		t.Fatalf("lab: %v", os.NewSyscallError("eventfd", err))
	}
	go r.run()
	a.await(t)
	b.await(t)
	t.Cleanup(func() {
		unix.Write(r.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		<-r.done
		if t.Failed() {
			t.Logf("lab: the link was %+v", link)
		}
	})
}

// openTUN makes a network device on the calling thread's host and returns the descriptor
// of its other end.
func openTUN(name string) (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: "/dev/net/tun", Err: err}
	}
	ifr, err := unix.NewIfreq(name)
	if err == nil {
		ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
	}
	if err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("TUNSETIFF", err)
	}
	return fd, nil
}
