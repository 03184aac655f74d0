package process

import "time"

// Load is what the processes of a tree use.
type Load struct {
	// Processes is how many live.
	Processes int
	// CPUTime is that of those that live, and of their children that they have waited for.
	CPUTime time.Duration
	// MemoryBytes is what they have in memory; what several share counts for each.
	MemoryBytes int64
}
