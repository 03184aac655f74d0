package process

import (
	"runtime"
	"sync"
)

// KeepThreads has the runtime own n threads that are idle. It never gives one back, and
// ends the program where it needs another and the system has none left for this user
// (ulimit -u, the pids of a container): with some at hand it does not need another then.
func KeepThreads(n int) {
	var here, gone sync.WaitGroup
	here.Add(n)
	gone.Add(n)
	for range n {
		go func() {
			defer gone.Done()
			runtime.LockOSThread() // each has one of its own, as long as the others have theirs
			defer runtime.UnlockOSThread()
			here.Done()
			here.Wait()
		}()
	}
	gone.Wait()
}
