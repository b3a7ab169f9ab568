package proxy

import (
	"runtime"
	"sync"
)

// spareThreads is how many threads a session has in reserve. A session begins with four
// or five. When no more could be created, one session in six was cut, and none with
// these. Creating more than this would end the process at once for users who have few
// left.
const spareThreads = 4

// MakeThreads makes the runtime create the threads that a session may need later. The
// runtime keeps threads that it has created. If the user has reached the limit of
// processes by then, creating one would end the process and cut the session. This takes
// some tenths of a millisecond, so the first bytes of a session need not wait for it.
func MakeThreads() {
	var all, through sync.WaitGroup
	all.Add(spareThreads)
	for range spareThreads {
		through.Go(func() {
			runtime.LockOSThread() // each has one of its own until all have
			defer runtime.UnlockOSThread()
			all.Done()
			all.Wait()
		})
	}
	through.Wait()
}
