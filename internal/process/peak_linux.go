package process

import (
	"bytes"
	"os"
	"strconv"
	"sync/atomic"
)

// ownPeak is what this program's largest resident set was when it was last read, in bytes.
//
//nolint:gochecknoglobals // it is a fact of the process
var ownPeak atomic.Int64

// peakSlack is by how much the system may be wrong about a resident set: it counts on each
// processor apart, and adds that up now and then.
const peakSlack = 1 << 20

// peakOf is the largest resident set of a child by what the system has counted for it; 0
// where that tells nothing. A child shares the memory of whoever starts it until its exec,
// and the system counts that as the child's: what is not above our own may be ours.
// It is read anew only for what is above, because that costs as much as a small
// part of a start.
func peakOf(counted int64) int64 {
	if counted > ownPeak.Load()+peakSlack {
		ownPeak.Store(readPeak())
	}
	if counted <= ownPeak.Load()+peakSlack {
		return 0
	}
	return counted
}

// readPeak is the largest resident set of this program so far. getrusage would not do: it
// has that of whoever started us.
func readPeak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(string(fields[0]), 10, 64)
	return kib << 10
}
