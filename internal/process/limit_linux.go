package process

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// limiter makes the cgroups that limit trees. Which controllers are there is found
// out when it is asked for first.
type limiter struct {
	mu     sync.Mutex
	looked bool
	two    *cgroups             // where version 2 has controllers for us; else nil
	ways   map[Resource]*parent // where not, by version 1
	whys   map[Resource]error
	made   int
	lost   []string // groups that could not be removed yet
}

// parent is a folder of ours in a hierarchy of version 1.
type parent struct {
	dir string
	fd  int // of dir, locked
}

// controller is what limits a resource.
func controller(r Resource) string {
	switch r {
	case Memory:
		return "memory"
	case CPUs:
		return "cpu"
	case Processes:
		return "pids"
	case OpenFiles:
	}
	return ""
}

// byGroup are the resources that cgroups limit.
func byGroup() []Resource { return []Resource{Memory, CPUs, Processes} }

// look finds what there is. groups are those of the table, nil if it has none.
func (l *limiter) look(groups *cgroups) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.looked {
		return
	}
	l.looked = true
	l.ways, l.whys = map[Resource]*parent{}, map[Resource]error{}
	if groups != nil && groups.passControllers() == nil {
		l.two = groups
		return
	}
	for _, r := range byGroup() {
		p, err := newParent(controller(r))
		if err != nil {
			l.whys[r] = fmt.Errorf("no cgroup with the controller %s can be made: %w", controller(r), err)
			continue
		}
		l.ways[r] = p
	}
}

// passControllers has the groups below limit memory, processors and processes.
func (g *cgroups) passControllers() error {
	const all = "+memory +cpu +pids"
	// Only a group without members can pass controllers on, or the root. Where ours
	// cannot, its parent may have done so already.
	_ = os.WriteFile(filepath.Join(filepath.Dir(g.dir), "cgroup.subtree_control"), []byte(all), 0)
	return os.WriteFile(filepath.Join(g.dir, "cgroup.subtree_control"), []byte(all), 0)
}

func newParent(controller string) (*parent, error) {
	own, err := ownCgroup(controller)
	if err != nil {
		return nil, err
	}
	dir, fd, err := ownFolder(own)
	if err != nil {
		return nil, err
	}
	return &parent{dir: dir, fd: fd}, nil
}

// Enforcements tells for each resource how this table limits it.
func (t *Table) Enforcements() (all []Enforcement) {
	t.limiter.look(t.groups)
	for _, r := range []Resource{Memory, CPUs, Processes, OpenFiles} {
		all = append(all, t.limiter.enforcement(r))
	}
	return all
}

// Hits tells which limits stood in the way of the tree. Ask before Close.
func (p *Process) Hits() Hits {
	if p.bound == nil {
		return Hits{}
	}
	return p.bound.hits()
}

// limit prepares the limits of a tree.
func (p *Process) limit(s *Spec, b *birth) (err error) {
	limits := s.Limits
	if limits == (Limits{}) {
		return nil
	}
	p.table.limiter.look(p.table.groups)
	for _, r := range limits.Asked() {
		if e := p.table.limiter.enforcement(r); e.Why != nil && limits.BestEffort {
			if r == Memory {
				b.rlimits.add(unix.RLIMIT_DATA, both(limits.MemoryBytes))
			}
			limits.drop(r)
		}
	}
	if limits.BestEffort && limits.OpenFiles > MaxOpenFiles() {
		limits.drop(OpenFiles)
	}
	if limits.OpenFiles > 0 {
		b.rlimits.add(unix.RLIMIT_NOFILE, both(limits.OpenFiles))
	}
	p.bound, err = p.table.limiter.bind(&limits, p.group)
	if err == nil {
		b.enter = p.bound.enter
	}
	return err
}

// MaxOpenFiles is the most that Limits.OpenFiles can be.
func MaxOpenFiles() int64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int64(min(limit.Max, math.MaxInt64))
}

// rlimit is a limit of the kernel's on each process.
type rlimit struct {
	What  int
	Limit syscall.Rlimit
}

// rlimits are those of one process. It is no slice, so that a birth need not be on
// the heap.
type rlimits struct {
	list [3]rlimit
	used int
}

func (l *rlimits) add(what int, limit syscall.Rlimit) {
	l.list[l.used] = rlimit{what, limit}
	l.used++
}

// has reports whether a limit is among them.
func (l *rlimits) has(what int) bool {
	for _, r := range l.list[:l.used] {
		if r.What == what {
			return true
		}
	}
	return false
}

func both(n int64) syscall.Rlimit { return syscall.Rlimit{Cur: uint64(n), Max: uint64(n)} }

// enforcement is how a resource is limited.
func (l *limiter) enforcement(r Resource) Enforcement {
	e := Enforcement{Resource: r}
	switch {
	case r == OpenFiles:
		e.By = "rlimit"
	case l.two != nil:
		e.By = "cgroup v2"
	case l.ways[r] != nil:
		e.By = "cgroup v1"
	default:
		e.Why = l.whys[r]
	}
	return e
}

// close removes what is empty.
func (l *limiter) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, dir := range l.lost {
		l.removePatiently(dir)
	}
	for _, p := range l.ways {
		removeGroups(p.dir)
		_ = unix.Close(p.fd)
	}
}

func (l *limiter) removePatiently(dir string) {
	for try := range 8 {
		if removed(dir) {
			return
		}
		pause(try)
	}
}

// bound is the cgroups that limit one tree, beside the one that holds it.
type bound struct {
	limiter *limiter
	dirs    []string // of version 1, to be removed
	enter   []int    // their cgroup.procs, while the child is made
	memory  string   // the group that limits memory; "": none
	pids    string   // the group that limits processes; "": none
	two     bool
}

// bind makes the groups for a tree that group holds, if there is one.
func (l *limiter) bind(limits *Limits, group *cgroup) (*bound, error) {
	b := &bound{limiter: l, two: l.two != nil}
	for _, r := range limits.Asked() {
		if r == OpenFiles {
			continue
		}
		if err := l.bindOne(b, r, limits, group); err != nil {
			b.entered()
			b.release()
			return nil, fmt.Errorf("%w: %s: %w", ErrUnenforced, r, err)
		}
	}
	return b, nil
}

func (l *limiter) bindOne(b *bound, r Resource, limits *Limits, group *cgroup) error {
	var dir string
	switch way := l.ways[r]; {
	case l.two != nil && group != nil:
		dir = group.dir()
		group.spoilt.Store(true) // the next tree has other limits
	case way != nil:
		l.mu.Lock()
		l.made++
		dir = filepath.Join(way.dir, strconv.Itoa(l.made))
		l.mu.Unlock()
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		b.dirs = append(b.dirs, dir)
		fd, err := unix.Open(dir+"/cgroup.procs", unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		b.enter = append(b.enter, fd)
	default:
		return cmp.Or(l.whys[r], errNotMounted)
	}
	switch r {
	case Memory:
		b.memory = dir
	case Processes:
		b.pids = dir
	case CPUs, OpenFiles:
	}
	return apply(dir, knobs(r, limits, b.two))
}

// knob is a file of a cgroup and what to write there.
type knob struct {
	file, value string
	optional    bool // not every kernel has it
}

// cpuPeriod is the time, in microseconds, in which a share of the processors is
// given out anew: the kernel's default.
const cpuPeriod = 100_000

// knobs are what limits a resource; see the kernel's admin-guide/cgroup-v2.rst and
// cgroup-v1.
func knobs(r Resource, l *Limits, two bool) []knob {
	memory, pids := strconv.FormatInt(l.MemoryBytes, 10), strconv.FormatInt(l.Processes, 10)
	quota := strconv.FormatInt(max(int64(l.CPUs*cpuPeriod), 1000), 10)
	period := strconv.Itoa(cpuPeriod)
	switch {
	case r == Memory && two: // swap would only delay the end, and all of a tree ends
		return []knob{{"memory.max", memory, false}, {"memory.swap.max", "0", true}, {"memory.oom.group", "1", true}}
	case r == Memory:
		return []knob{{"memory.limit_in_bytes", memory, false}, {"memory.memsw.limit_in_bytes", memory, true}}
	case r == CPUs && two:
		return []knob{{"cpu.max", quota + " " + period, false}}
	case r == CPUs:
		return []knob{{"cpu.cfs_period_us", period, false}, {"cpu.cfs_quota_us", quota, false}}
	case r == Processes:
		return []knob{{"pids.max", pids, false}}
	}
	return nil
}

func apply(dir string, knobs []knob) error {
	for _, k := range knobs {
		err := os.WriteFile(filepath.Join(dir, k.file), []byte(k.value), 0)
		if err != nil && !k.optional {
			return err
		}
	}
	return nil
}

// entered closes what the child needed to get in.
func (b *bound) entered() {
	closeAll(b.enter...)
	b.enter = nil
}

// release removes the groups. One that is not free yet is left to the next, or to
// the end of the table.
func (b *bound) release() {
	l := b.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = slices.DeleteFunc(append(l.lost, b.dirs...), removed)
}

// removed removes a group, and reports whether it is gone.
func removed(dir string) bool {
	err := os.Remove(dir)
	return err == nil || errors.Is(err, os.ErrNotExist)
}

// hits reads what the limits have done.
func (b *bound) hits() Hits {
	kills := "memory.oom_control"
	if b.two {
		kills = "memory.events"
	}
	return Hits{
		Memory:    b.memory != "" && counter(filepath.Join(b.memory, kills), "oom_kill") > 0,
		Processes: b.pids != "" && counter(filepath.Join(b.pids, "pids.events"), "max") > 0,
	}
}

// counter reads one of the lines "name value" of a file.
func counter(path, name string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), " "); key == name {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}
