package process

import (
	"errors"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// firstLimit returns the limit of descriptors that this process was started
// with. The syscall package keeps it to itself and gives it to children; so a
// child is asked, once.
//
//nolint:gochecknoglobals // how the process was started is the same for all tables
var firstLimit = sync.OnceValues(askChild)

// askChild starts this program and kills it before its first instruction: a
// traced process stops when exec is through.
func askChild() (limit syscall.Rlimit, err error) {
	runtime.LockOSThread() // the tracer is a thread, and has to outlive the child
	defer runtime.UnlockOSThread()
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"limit"}, &syscall.ProcAttr{
		Sys: &syscall.SysProcAttr{Ptrace: true, Pdeathsig: unix.SIGKILL},
	})
	if err != nil {
		return limit, err
	}
	var status unix.WaitStatus
	wait := func() error {
		_, err := unix.Wait4(pid, &status, 0, nil)
		return err
	}
	if err = ignoringEINTR(wait); err != nil {
		return limit, err
	}
	if !status.Stopped() {
		return limit, errors.New("the child did not stop")
	}
	var of unix.Rlimit
	err = unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &of)
	_ = unix.Kill(pid, unix.SIGKILL)
	_ = ignoringEINTR(wait)
	return syscall.Rlimit(of), err
}
