package process

import (
	"encoding/binary"
	"math"
)

// What is pure arithmetic of Job Objects (Windows) stands here without a build tag,
// so that its tests run on Linux.

// jobPids reads a JOBOBJECT_BASIC_PROCESS_ID_LIST, whose numbers have word bytes:
// two counts of four bytes, and the numbers. Not all fit where assigned is more
// than there are.
func jobPids(list []byte, word int) (pids []int, assigned int) {
	if len(list) < 8 {
		return nil, 0
	}
	assigned = int(binary.LittleEndian.Uint32(list))
	count := int(binary.LittleEndian.Uint32(list[4:]))
	for at := 8; count > 0 && at+word <= len(list); at, count = at+word, count-1 {
		pids = append(pids, int(binary.LittleEndian.Uint32(list[at:]))) // a process id has 32 bits
	}
	return pids, assigned
}

// cpuRate is a limit in processors as a Job Object takes it: in ten-thousandths of
// all processors together. It is at least 1, because 0 is refused.
func cpuRate(cpus float64, processors int) uint32 {
	return uint32(min(max(math.Round(cpus/float64(max(processors, 1))*10_000), 1), 10_000))
}
