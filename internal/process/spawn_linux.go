package process

import (
	"errors"
	"syscall"
)

// errNoRawSpawn says that this system has no raw spawn, or refuses it: no
// process was started, and [syscall.ForkExec] has to do.
var errNoRawSpawn = errors.New("no raw spawn")

// birth is how a child is made.
type birth struct {
	spec    *Spec
	files   [3]int // stdin, stdout, stderr
	session bool   // of its own, not just a group
	group   int    // a cgroup to be born into; negative: ours
}

// bear runs the program in a cgroup of its own, if there is one to be had.
func (p *Process) bear(b *birth) (pid int, err error) {
	if p.table.Containment() != InCgroup {
		return p.forkBelow(b)
	}
	group, err := p.table.groups.acquire()
	if err != nil {
		if err = Busy(err); errors.Is(err, ErrBusy) {
			return 0, err
		}
		return p.fork(b) // no more may be made: one that is held less well is better than none
	}
	fd, done, err := group.enter()
	if err == nil {
		b.group = fd
		pid, err = p.fork(b)
		done()
		b.group = -1
	}
	if err == nil {
		p.group = group
		return pid, nil
	}
	p.table.groups.release(group)
	if errors.Is(Busy(err), ErrBusy) || !refusedByGroup(err) {
		return 0, err
	}
	pid, err = p.fork(b)
	if err == nil {
		p.table.noGroup.Store(true) // it was the group: so it will be next time
	}
	return pid, err
}

// refusedByGroup reports whether clone may have failed because of the cgroup; an
// exec that is refused can look the same.
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
func (p *Process) fork(b *birth) (pid int, err error) {
	for try := range 12 {
		pid, err = p.table.spawn(b, &p.pidfd)
		if !errors.Is(err, syscall.ETXTBSY) {
			break
		}
		pause(try)
	}
	p.child = pid
	return pid, err
}

// spawn forks and executes in the cheapest way there is.
func (t *Table) spawn(b *birth, pidfd *int) (pid int, err error) {
	if !t.portable.Load() {
		pid, err = rawSpawn(b, pidfd)
		if !errors.Is(err, errNoRawSpawn) {
			return pid, err
		}
		t.portable.Store(true) // the answer would not change
	}
	return syscall.ForkExec(b.spec.Path, b.spec.Args, &syscall.ProcAttr{
		Dir: b.spec.Dir, Env: b.spec.Env,
		Files: []uintptr{uintptr(b.files[0]), uintptr(b.files[1]), uintptr(b.files[2])},
		Sys: &syscall.SysProcAttr{
			Setsid: b.session, Setpgid: !b.session, PidFD: pidfd,
			UseCgroupFD: b.group >= 0, CgroupFD: b.group,
		},
	})
}
