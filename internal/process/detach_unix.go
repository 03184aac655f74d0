//go:build unix

package process

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Detach starts this program again, as something that outlives it: in a session of its
// own, with name for its whole argument vector and env for its whole environment. It has
// one end of a pair of sockets as stdin, nothing as stdout, and log, or where that is nil
// nothing, as stderr. Detach returns the other end. The program is reaped when it
// ends, if this one still lives. See [IsDetached]. Errors: [ErrBusy], the system's.
func Detach(name string, env []string, log *os.File) (socket *os.File, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, Busy(err)
	}
	defer func() { _ = null.Close() }()
	if log == nil {
		log = null
	}
	path, err := ownProgram()
	if err != nil {
		return nil, fmt.Errorf("find the file of this program: %w", err)
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, Busy(err)
	}
	pid, err := syscall.ForkExec(path, []string{name}, &syscall.ProcAttr{
		Env: env, Files: []uintptr{theirs.Fd(), null.Fd(), log.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	err = errors.Join(err, theirs.Close())
	if err != nil {
		return nil, errors.Join(Busy(err), ours.Close())
	}
	go awaitDetached(pid)
	return ours, nil
}

// socketPair is a pair of connected sockets that no child inherits unasked.
func socketPair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock() // not every system has SOCK_CLOEXEC
	defer syscall.ForkLock.RUnlock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	unix.CloseOnExec(fds[0])
	unix.CloseOnExec(fds[1])
	return os.NewFile(uintptr(fds[0]), "detached"), os.NewFile(uintptr(fds[1]), "detached"), nil
}

// IsDetached reports whether this process is one that [Detach] started under a name.
func IsDetached(name string) bool { return len(os.Args) == 1 && os.Args[0] == name }

// SettleDetached lets go of what a detached program got from whoever started it, unasked: of
// descriptors that were left open, and of the working directory, which would keep a
// file system busy. It is called first of all.
func SettleDetached(name string) {
	closeInherited()
	nameProcess(name)
	_ = os.Chdir("/")
}

// reapChild waits for a child of ours that has ended or is about to, and returns how.
func reapChild(pid int) (status syscall.WaitStatus) {
	var how unix.WaitStatus
	_ = ignoringEINTR(func() error {
		_, err := unix.Wait4(pid, &how, 0, nil)
		return err
	})
	return syscall.WaitStatus(how)
}

func ignoringEINTR(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// closeInherited closes what this program got because whoever started it had not
// closed it. The runtime's own descriptors are not like that.
func closeInherited() {
	names, err := os.ReadDir(descriptors)
	if err != nil {
		return
	}
	for _, name := range names {
		var fd int
		for _, digit := range name.Name() {
			fd = 10*fd + int(digit-'0')
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); fd > 2 && err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}
