package process

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// manners are what this program has from whoever started it and its children must
// not have from us: blocked signals, and being spared when the kernel is out of
// memory. Core dumps, which would put secrets on the disk, they have not either.
type manners struct {
	blocked, favoured bool
	core              syscall.Rlimit
}

func ownManners() (m manners) {
	status, _ := os.ReadFile("/proc/thread-self/status")
	_, blocked, _ := strings.Cut(string(status), "\nSigBlk:")
	blocked, _, _ = strings.Cut(strings.TrimSpace(blocked), "\n")
	m.blocked = strings.Trim(blocked, "0") != ""
	score, _ := os.ReadFile("/proc/self/oom_score_adj")
	m.favoured = strings.HasPrefix(string(score), "-")
	_ = syscall.Getrlimit(unix.RLIMIT_CORE, &m.core)
	return m
}

// teach tells a child how to behave.
func (m *manners) teach(s *Spec, b *birth) {
	if m.core.Cur != 0 {
		b.rlimits.add(unix.RLIMIT_CORE, syscall.Rlimit{Max: m.core.Max})
	}
	b.blocked, b.favoured, b.noNewPrivileges = m.blocked, m.favoured, s.NoNewPrivileges
}

// forkExec starts a child by [syscall.ForkExec], which knows nothing of limits: they
// hold from a moment after its start.
func (b *birth) forkExec(s *Spec, pidfd *int) (pid int, err error) {
	if !b.noNewPrivileges && !b.blocked {
		return b.forkExecHere(s, pidfd)
	}
	type born struct {
		pid int
		err error
	}
	done, own, spec := make(chan born), *b, *s // copies: the rest need not be on the heap
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this goroutine
		pid, err := own.forkExecChanged(&spec, pidfd)
		done <- born{pid, err}
	}()
	child := <-done
	return child.pid, child.err
}

// forkExecChanged changes the thread that forks, which the child inherits.
func (b *birth) forkExecChanged(s *Spec, pidfd *int) (int, error) {
	if b.noNewPrivileges {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return 0, os.NewSyscallError("prctl", err)
		}
	}
	var none unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &none, nil); err != nil {
		return 0, os.NewSyscallError("rt_sigprocmask", err)
	}
	return b.forkExecHere(s, pidfd)
}

func (b *birth) forkExecHere(s *Spec, pidfd *int) (int, error) {
	pid, err := syscall.ForkExec(s.Path, s.Args, &syscall.ProcAttr{
		Dir: s.Dir, Env: s.environment(),
		Files: []uintptr{uintptr(b.files[0]), uintptr(b.files[1]), uintptr(b.files[2])},
		Sys: &syscall.SysProcAttr{
			Setsid: b.session, Setpgid: !b.session, Setctty: s.Terminal != nil, PidFD: pidfd,
			UseCgroupFD: b.group >= 0, CgroupFD: b.group,
		},
	})
	if err != nil {
		return pid, err
	}
	for _, fd := range b.enter {
		_, _ = unix.Write(fd, []byte(strconv.Itoa(pid)))
	}
	for _, r := range b.rlimits.list[:b.rlimits.used] {
		_ = unix.Prlimit(pid, r.What, (*unix.Rlimit)(&r.Limit), nil)
	}
	b.unfavour(pid)
	return pid, nil
}

// unfavour makes a child as likely a victim as any when memory is short.
func (b *birth) unfavour(pid int) {
	if b.favoured {
		_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte("0"), 0)
	}
}
