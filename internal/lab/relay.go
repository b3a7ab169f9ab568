//go:build linux

package lab

import (
	"container/heap"
	"math/rand/v2"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A relay carries packets between two TUN devices as its link says.
type relay struct {
	link   Link
	fds    [2]int
	chance [2]*rand.Rand // for packets from fds[i], so that one way does not disturb the other
	stop   int           // an eventfd
	done   chan struct{}

	queue queue
	count int // of packets that were put into queue
}

// run carries packets until stop is written to, and then closes all descriptors.
func (r *relay) run() {
	defer r.close()
	// Not unlocked: the thread ends with its timer slack, which is 1 ns instead
	// of the usual 50 µs.
	runtime.LockOSThread()
	unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)

	fds := []unix.PollFd{
		{Fd: int32(r.fds[0]), Events: unix.POLLIN},
		{Fd: int32(r.fds[1]), Events: unix.POLLIN},
		{Fd: int32(r.stop), Events: unix.POLLIN},
	}
	buf := make([]byte, 1<<16)
	for {
		var timeout *unix.Timespec // none: wait for a packet
		if wait, ok := r.deliver(); ok {
			ts := unix.NsecToTimespec(int64(wait))
			timeout = &ts
		}
		if n, err := unix.Ppoll(fds, timeout, nil); err != nil || n == 0 {
			continue // EINTR, or time to deliver
		}
		if fds[2].Revents != 0 {
			return
		}
		for i := range r.fds {
			for {
				n, err := unix.Read(r.fds[i], buf)
				if err != nil {
					break
				}
				r.accept(i, buf[:n])
			}
		}
	}
}

// close releases the devices, which takes the kernel a tenth of a second. No one needs to
// wait for that.
func (r *relay) close() {
	close(r.done)
	for _, fd := range append(r.fds[:], r.stop) {
		unix.Close(fd)
	}
}

// accept takes a packet that came in from fds[i] and decides its fate.
func (r *relay) accept(i int, data []byte) {
	now := time.Now()
	// Each packet takes the same number of draws, so that a seed decides the nth packet's
	// fate whatever happened to the others.
	c := r.chance[i]
	lost, twice := c.Float64() < r.link.Loss, c.Float64() < r.link.Dup
	first, second := r.delay(c), r.delay(c)
	if lost {
		return
	}
	p := packet{due: now.Add(first), to: r.fds[1-i], data: append([]byte(nil), data...)}
	r.push(p)
	if twice {
		p.due = now.Add(second)
		r.push(p)
	}
}

// delay returns how long a packet takes.
func (r *relay) delay(c *rand.Rand) time.Duration {
	spread := (2*c.Float64() - 1) * float64(r.link.Jitter)
	return max(0, r.link.Delay+time.Duration(spread))
}

func (r *relay) push(p packet) {
	r.count++
	p.number = r.count
	heap.Push(&r.queue, p)
}

// deliver writes the packets that are due and returns how long the next one has
// to wait, if there is one.
func (r *relay) deliver() (time.Duration, bool) {
	for len(r.queue) > 0 {
		if wait := time.Until(r.queue[0].due); wait > 0 {
			return wait, true
		}
		p := heap.Pop(&r.queue).(packet)
		unix.Write(p.to, p.data) // a device that is down loses it, as it should
	}
	return 0, false
}

// A packet waits in a queue for its time.
type packet struct {
	due    time.Time
	number int // keeps those in order that are due at the same time
	to     int
	data   []byte
}

// A queue is a heap with the next packet on top.
type queue []packet

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(packet)) }

func (q queue) Less(i, j int) bool {
	if c := q[i].due.Compare(q[j].due); c != 0 {
		return c < 0
	}
	return q[i].number < q[j].number
}

func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
