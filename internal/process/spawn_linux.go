package process

import (
	"errors"
	"syscall"
)

// errNoRawSpawn says that this system has no raw spawn, or refuses it: no
// process was started, and [syscall.ForkExec] has to do.
var errNoRawSpawn = errors.New("no raw spawn")

// birth is how a child is made, beside what its Spec says. Neither of the two is put
// on the heap.
type birth struct {
	files   [3]int // stdin, stdout, stderr
	session bool   // of its own, not just a group
	group   int    // a cgroup to be born into; negative: ours
	enter   []int  // more cgroups, by their cgroup.procs

	rlimits         rlimits
	noNewPrivileges bool
	// The next two are undone in the child where this program has them.
	blocked  bool // signals are blocked
	favoured bool // the kernel spares us when it is out of memory
}

// bear runs the program: in a cgroup of its own if there is one to be had, within
// its limits, and with the manners of any process.
func (p *Process) bear(s *Spec, b *birth) (pid int, err error) {
	done, err := p.join(b)
	if err != nil {
		return 0, err
	}
	defer done()
	p.table.manners.teach(s, b)
	if err = p.limit(s, b); err == nil {
		pid, err = p.forkBelow(s, b)
	}
	if p.bound != nil {
		p.bound.entered()
	}
	if err != nil {
		p.letGo()
		p.group, p.bound = nil, nil
		return 0, err
	}
	return pid, nil
}

// join finds a cgroup to be born into. done is called when the process is there.
func (p *Process) join(b *birth) (done func(), err error) {
	done = func() {}
	if p.table.Containment() != InCgroup {
		return done, nil
	}
	group, err := p.table.groups.acquire()
	if err == nil {
		p.group = group
		b.group, done, err = group.enter()
	}
	if err != nil {
		if p.group != nil {
			p.table.groups.release(p.group)
		}
		p.group, b.group, done = nil, -1, func() {}
	}
	if err = Busy(err); errors.Is(err, ErrBusy) {
		return done, err
	}
	return done, nil // no more may be made: a tree that is held less well is better than none
}

// refusedByGroup reports whether clone may have failed because of the cgroup; an
// exec that is refused can look the same, and then fails again without it.
func refusedByGroup(err error) bool {
	for _, errno := range []syscall.Errno{
		syscall.EACCES, syscall.EPERM, syscall.EBUSY, syscall.ENOENT, syscall.ENODEV, syscall.EOPNOTSUPP, syscall.ENOSYS, syscall.EINVAL,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// fork runs the program. A file that another thread of this process has just
// written can be held open for writing by a child between fork and exec
// (golang/go#22315): that passes, so it is tried again.
func (p *Process) fork(s *Spec, b *birth) (pid int, err error) {
	for try := range 12 {
		pid, err = p.table.spawn(s, b, &p.pidfd)
		if !errors.Is(err, syscall.ETXTBSY) {
			break
		}
		pause(try)
	}
	if b.group >= 0 && p.bound == nil && refusedByGroup(err) {
		b.group = -1
		if pid, err = p.table.spawn(s, b, &p.pidfd); err == nil {
			p.table.noGroup.Store(true) // so it will be next time
			p.table.groups.release(p.group)
			p.group = nil
		}
	}
	p.child = pid
	return pid, err
}

// spawn forks and executes in the cheapest way there is.
func (t *Table) spawn(s *Spec, b *birth, pidfd *int) (pid int, err error) {
	if !t.portable.Load() {
		pid, err = t.nursery.spawn(s, b, pidfd)
		if !errors.Is(err, errNoRawSpawn) {
			return pid, err
		}
		t.portable.Store(true) // the answer would not change
	}
	return b.forkExec(s, pidfd)
}
