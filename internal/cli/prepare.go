package cli

import (
	"os"
	"runtime"
	"runtime/debug"
)

// Prepare sets up the process; main calls it once, before anything else.
//
// A fork keeps one of the runtime's Ps until the child has called exec, and that
// P does nothing meanwhile. On a machine of two cores two commands that start at
// once would stop everything else, the streams of those that run included. Idle
// Ps cost nothing, so there are some to spare. Who sets GOMAXPROCS knows better.
//
// The heap of this program is small, and a collection marks with all Ps: at the
// runtime's default it would collect every few hundred commands, which is a tenth
// of what they cost. So it may grow to five times what lives, up to a limit that
// output alone cannot reach. Who sets GOGC or GOMEMLIMIT knows better here too.
//
// Descriptors that we were started with, beyond the first three, are ours to
// keep: a command must not get hold of a file or socket that whoever started us
// forgot to close.
func Prepare() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(8, 4*runtime.NumCPU()))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit)
	}
	keepDescriptors()
}

// heapLimit is where the collector stops being lazy: several times the output
// that an engine keeps by default.
const heapLimit = 512 << 20
