package proxy

import (
	"runtime"
	"sync"
)

// spareThreads is how many threads a session has in reserve. It begins with four or five;
// where no more could be made, one in six was cut, and none with these. To make more
// would end the process at once for those who have few left.
const spareThreads = 4

// MakeThreads has the runtime make the threads that a session may come to need. It keeps
// those that it has made. To make one later ends the process where the user has come to
// the limit of processes, and cuts the session. It takes some tenths of a millisecond, so
// the first bytes of a session need not wait for it.
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
