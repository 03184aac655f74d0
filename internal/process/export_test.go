//go:build linux

package process

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// ForceForkExec makes a table start its processes with syscall.ForkExec.
func ForceForkExec(t *Table) { t.portable.Store(true) }

// UsesForkExec reports whether a table does, by force or because the raw spawn
// was refused.
func UsesForkExec(t *Table) bool { return t.portable.Load() }

// OwnPeak is the largest resident set of this program so far, with all that the system may
// be wrong about it.
func OwnPeak() int64 { return readPeak() + peakSlack }

// Marked are the processes that carry a mark.
func Marked(mark string) []int {
	m := marks{mark, new(sweeper)}
	return m.members()
}

// ForceSession chooses between a session and a group for each process.
func ForceSession(t *Table, session bool) { t.session = session }

// Spawn starts a process with these descriptors as 0, 1 and 2.
func Spawn(t *Table, s Spec, files [3]int) (pid int, err error) {
	pidfd := -1
	pid, err = t.spawn(&s, &birth{files: files, session: t.session, group: -1}, &pidfd)
	if err == nil {
		closeAll(pidfd)
	}
	return pid, err
}

// GroupsOf is the folder of a table's cgroups, "" if it has none.
func GroupsOf(t *Table) string {
	if t.groups == nil {
		return ""
	}
	return t.groups.dir
}

// OpenGroupsIn makes a folder of cgroups below a parent, as a table does below ours.
func OpenGroupsIn(parent string) (dir string, closeAll func() error, err error) {
	g, err := newCgroupsIn(parent)
	if err != nil {
		return "", nil, err
	}
	return g.dir, g.close, nil
}

// GiveBackGroups does now what is done when the groups were not needed for a while.
func GiveBackGroups(t *Table) {
	t.groups.mu.Lock()
	t.groups.used = false
	t.groups.mu.Unlock()
	t.groups.giveBack()
}

// FindCgroup is findCgroup.
func FindCgroup(mounts, member, controller string) (string, error) {
	return findCgroup(mounts, member, controller)
}

// LimitGroups are the groups of version 1 that limit trees of a table.
func LimitGroups(t *Table) (dirs []string) {
	for _, p := range t.limiter.ways {
		below, _ := os.ReadDir(p.dir)
		for _, e := range below {
			if e.IsDir() {
				dirs = append(dirs, e.Name())
			}
		}
	}
	return dirs
}

// ForgetControllers makes a table find no controllers.
func ForgetControllers(t *Table) {
	t.limiter.looked = true
	t.limiter.whys = map[Resource]error{Memory: errNotMounted, CPUs: errNotMounted, Processes: errNotMounted}
}

// Knobs are what limits a resource: file and value.
func Knobs(r Resource, l *Limits, two bool) map[string]string {
	all := map[string]string{}
	for _, k := range knobs(r, l, two) {
		all[k.file] = k.value
	}
	return all
}

// BlockSignals blocks signals in this thread, for good.
func BlockSignals(signals ...syscall.Signal) {
	runtime.LockOSThread()
	var set unix.Sigset_t
	for _, s := range signals {
		set.Val[0] |= 1 << (s - 1)
	}
	_ = unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil)
}

// IdentityOf tells a process from another that has its number later.
func IdentityOf(pid int) Identity { return Identity{Pid: pid, Started: startOf(pid), Boot: bootID()} }
