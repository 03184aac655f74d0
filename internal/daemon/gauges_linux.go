package daemon

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/escher-dbai/cloudops-engine/internal/exposition"
)

// exposeProcess writes what the system counts of this process, as far as it tells.
func exposeProcess(out *exposition.Families) {
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := bytes.Fields(statm); len(fields) > 1 {
			pages, _ := strconv.ParseInt(string(fields[1]), 10, 64) // a number
			out.Gauge("process_resident_memory_bytes", "Memory that is resident.", float64(pages*int64(os.Getpagesize())))
		}
	}
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) == nil {
		spent := time.Duration(u.Utime.Nano() + u.Stime.Nano())
		out.Counter("process_cpu_seconds_total", "Time of processors that was used.", spent.Seconds())
	}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		out.Gauge("process_open_fds", "Descriptors that are open.", float64(len(open)))
	}
	var most unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &most) == nil {
		out.Gauge("process_max_fds", "Descriptors that may be open.", float64(most.Cur))
	}
}
