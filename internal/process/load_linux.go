package process

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// Census is one look at all processes of the machine, which tells the load of any
// number of trees. It does not change, and is safe for concurrent use.
type Census struct {
	counted  map[int]counted
	children map[int][]int
}

// counted is one process of a census.
type counted struct {
	born int64 // in clock ticks since the machine was started
	Load
}

// tick is the unit of /proc: a hundredth of a second on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// TakeCensus looks at all processes. What cannot be read is not there.
func TakeCensus() *Census {
	c := &Census{counted: make(map[int]counted), children: make(map[int][]int)}
	for _, pid := range allPids() {
		if parent, one, ok := count(pid); ok {
			c.counted[pid] = one
			c.children[parent] = append(c.children[parent], pid)
		}
	}
	return c
}

// count reads /proc/PID/stat; see proc(5). The numbers of fields there count from 1,
// and the third is the first behind the name, which may have anything in it.
func count(pid int) (parent int, one counted, ok bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, one, false
	}
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	const first, ppid, utime, cstime, starttime, rss = 3, 4, 14, 17, 22, 24
	if len(fields) <= rss-first {
		return 0, one, false
	}
	number := func(field int) int64 {
		n, _ := strconv.ParseInt(fields[field-first], 10, 64) // the kernel wrote it
		return n
	}
	for field := utime; field <= cstime; field++ {
		one.CPUTime += time.Duration(number(field)) * tick
	}
	one.Processes, one.born, one.MemoryBytes = 1, number(starttime), number(rss)*int64(os.Getpagesize())
	return int(number(ppid)), one, true
}

// Load is that of a tree: of its cgroup, else of all that descends from its keeper,
// which is not counted. It is not known where its keeper has gone.
func (c *Census) Load(t Trail) (all Load, known bool) {
	keeper, ok := c.counted[t.Keeper.Pid]
	if !ok || keeper.born != t.Keeper.Started || !t.Keeper.SameBoot() {
		return all, false
	}
	pids := membersOf(t.Cgroup)
	if t.Cgroup == "" {
		pids = c.below(t.Keeper.Pid)
	}
	for _, pid := range pids {
		one := c.counted[pid]
		all.Processes += one.Processes
		all.CPUTime += one.CPUTime
		all.MemoryBytes += one.MemoryBytes
	}
	return all, true
}

// below are the processes that descend from one.
func (c *Census) below(pid int) []int {
	all := append([]int(nil), c.children[pid]...)
	for i := 0; i < len(all); i++ {
		all = append(all, c.children[all[i]]...)
	}
	return all
}
