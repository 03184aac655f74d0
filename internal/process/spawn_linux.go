package process

import (
	"errors"
	"syscall"
)

// errNoRawSpawn says that this system has no raw spawn, or refuses it: no
// process was started, and [syscall.ForkExec] has to do.
var errNoRawSpawn = errors.New("no raw spawn")

// fork runs the program. A file that another thread of this process has just
// written can be held open for writing by a child between fork and exec
// (golang/go#22315): that passes, so it is tried again.
func (p *Process) fork(s *Spec, in int, out [4]int) (pid int, err error) {
	files := [3]int{in, out[1], out[3]}
	for try := range 12 {
		pid, err = p.table.spawn(s, files, &p.pidfd)
		if !errors.Is(err, syscall.ETXTBSY) {
			break
		}
		pause(try)
	}
	return pid, err
}

// spawn forks and executes in the cheapest way there is.
func (t *Table) spawn(s *Spec, files [3]int, pidfd *int) (pid int, err error) {
	if !t.portable.Load() {
		pid, err = rawSpawn(s, files, t.session, pidfd, &t.children)
		if !errors.Is(err, errNoRawSpawn) {
			return pid, err
		}
		t.portable.Store(true) // the answer would not change
	}
	return syscall.ForkExec(s.Path, s.Args, &syscall.ProcAttr{
		Dir: s.Dir, Env: s.environment(),
		Files: []uintptr{uintptr(files[0]), uintptr(files[1]), uintptr(files[2])},
		Sys:   &syscall.SysProcAttr{Setsid: t.session, Setpgid: !t.session, PidFD: pidfd},
	})
}
