package process

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawChild is a child between fork and exec: what clone3 is asked for, and the
// system calls that the child makes, one after another. [cloneAndRun] knows the
// layout. The child shares the memory, so that no pipe has to say how it fared.
type rawChild struct {
	clone   clone3Args
	size    uint64 // of clone, for the kernel
	all     uint64 // every signal
	mask    uint64 //nolint:unused // the signals that the thread had blocked: cloneAndRun restores them
	errno   uintptr
	pidfd   int32
	limit   syscall.Rlimit
	rlimits rlimits
	none    uint64      // no signal
	zero    [1]byte     // what puts a process into a cgroup
	calls   [24]rawCall // the last is execve, which does not return
	used    int

	// What calls point to: the strings are in the block.
	path, dir  *byte
	argv, envv []*byte
	block      []byte
}

// rawCall is one system call.
type rawCall struct{ trap, a, b, c, d uintptr }

// clone3Args is struct clone_args of linux/sched.h, with the fields of Linux 5.7.
// Those of 5.5 alone, up to the first version, are given where no more is needed.
type clone3Args struct {
	flags, pidfd uint64
	_            [2]uint64 // where thread ids go
	exitSignal   uint64
	_            [5]uint64 // stack, its size, thread-local storage, and thread ids: as they are
	cgroup       uint64
}

// Sizes of struct clone_args.
const (
	clone3First  = 64
	clone3Cgroup = 88
)

// cloneAndRun blocks all signals, clones, and unblocks them once the child has
// called execve or exited. It returns the child's number, or minus an errno.
//
// The argument escapes on purpose: the heap does not move, a stack might
// between the taking of an address and the system call that uses it.
func cloneAndRun(c *rawChild) int

// rawSpawn does what [syscall.ForkExec] does, for less: the kernel resets the
// signal handlers at once where ForkExec's child makes a system call for each,
// and there is no pipe for the outcome. The child runs no Go code, calls
// nothing and installs no handler: it leaves the stack that it shares with the
// suspended parent alone.
func rawSpawn(s *Spec, b *birth, pidfd *int, n *nursery) (int, error) {
	c, _ := n.children.Get().(*rawChild)
	if c == nil {
		c = new(rawChild)
	}
	defer n.children.Put(c)
	*c = rawChild{all: ^uint64(0), argv: c.argv[:0], envv: c.envv[:0], block: c.block[:0]}
	if err := c.prepare(s, b, n.apart); err != nil {
		return 0, err
	}
	forkGate.enter()
	pid := cloneAndRun(c)
	forkGate.leave()
	runtime.KeepAlive(c)
	switch {
	case pid < 0:
		return 0, refusal(syscall.Errno(-pid))
	case c.errno != 0:
		_ = unix.Close(int(c.pidfd))
		_ = ignoringEINTR(func() error {
			_, err := unix.Wait4(pid, nil, 0, nil)
			return err
		})
		return 0, syscall.Errno(c.errno)
	}
	*pidfd = int(c.pidfd)
	b.unfavour(pid)
	return pid, nil
}

// refusal is the error for what clone3 said. An old kernel (before 5.5), or a
// filter in front of it, does not know the call or these flags.
func refusal(errno syscall.Errno) error {
	if errno == syscall.ENOSYS || errno == syscall.EINVAL || errno == syscall.EPERM {
		return errNoRawSpawn
	}
	return errno
}

// prepare fills in what to clone and what to call; apart has it part from our
// descriptors.
func (c *rawChild) prepare(s *Spec, b *birth, apart bool) (err error) {
	var restore bool
	if !b.rlimits.has(unix.RLIMIT_NOFILE) {
		restore, err = limitToRestore(&c.limit)
	}
	if err == nil {
		err = c.strings(s)
	}
	c.zero[0] = '0'
	if err != nil {
		return err
	}
	c.size = clone3First
	c.clone = clone3Args{
		flags:      unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_PIDFD | unix.CLONE_CLEAR_SIGHAND,
		pidfd:      uint64(address(&c.pidfd)),
		exitSignal: uint64(unix.SIGCHLD),
	}
	if b.group >= 0 {
		c.size, c.clone.cgroup = clone3Cgroup, uint64(b.group)
		c.clone.flags |= unix.CLONE_INTO_CGROUP
	}
	for _, fd := range b.enter {
		c.call(unix.SYS_WRITE, uintptr(fd), address(&c.zero), 1)
	}
	if apart {
		c.part(b.files)
	}
	if b.session {
		c.call(unix.SYS_SETSID)
	} else {
		c.call(unix.SYS_SETPGID, 0, 0)
	}
	if c.dir != nil {
		c.call(unix.SYS_CHDIR, address(c.dir))
	}
	c.place(b.files)
	if apart {
		c.closeFrom(3, 0) // also what this program would have every child inherit
	}
	if s.Terminal != nil {
		c.call(unix.SYS_IOCTL, 0, unix.TIOCSCTTY, 0)
	}
	if restore {
		c.call(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, address(&c.limit), 0)
	}
	c.rlimits = b.rlimits // it is on the heap
	for i := range c.rlimits.used {
		r := &c.rlimits.list[i]
		c.call(unix.SYS_PRLIMIT64, 0, uintptr(r.What), address(&r.Limit), 0)
	}
	if b.noNewPrivileges {
		c.call(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0)
	}
	c.call(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, address(&c.none), 0, unsafe.Sizeof(c.none))
	c.call(unix.SYS_EXECVE, address(c.path), address(&c.argv[0]), address(&c.envv[0]))
	return nil
}

// strings turns the strings into what the kernel reads.
func (c *rawChild) strings(s *Spec) error {
	size := 0
	for _, list := range [][]string{{s.Path, s.Dir, s.Mark}, s.Args, s.Env} {
		for _, text := range list {
			if strings.IndexByte(text, 0) >= 0 {
				return syscall.EINVAL
			}
			size += len(text) + 1
		}
	}
	c.block = slices.Grow(c.block, size) // it must not move any more
	if s.Dir != "" {
		c.dir = c.terminated(s.Dir)
	}
	c.path = c.terminated(s.Path)
	for _, text := range s.Args {
		c.argv = append(c.argv, c.terminated(text))
	}
	for _, text := range s.Env {
		c.envv = append(c.envv, c.terminated(text))
	}
	if s.Mark != "" {
		c.envv = append(c.envv, c.terminated(s.Mark))
	}
	c.argv, c.envv = append(c.argv, nil), append(c.envv, nil)
	return nil
}

// terminated puts a text into the block, with a NUL behind it.
func (c *rawChild) terminated(text string) *byte {
	start := len(c.block)
	c.block = append(append(c.block, text...), 0)
	return &c.block[start]
}

// place makes the files the descriptors 0, 1 and 2. One that sits where an
// earlier one goes is first moved out of the way, above all of them. The first
// is negative where the caller's stdin is a closed file: the child has none.
func (c *rawChild) place(files [3]int) {
	above := max(files[0], files[1], files[2], 2) + 1
	for i, fd := range files {
		if 0 <= fd && fd < i {
			c.call(unix.SYS_DUP3, uintptr(fd), uintptr(above), unix.O_CLOEXEC)
			files[i] = above //nolint:gosec // i is an index of files
			above++
		}
	}
	for i, fd := range files {
		switch {
		case fd < 0: // none: opened first, so that closing does not fail
			c.call(unix.SYS_DUP3, uintptr(files[1]), uintptr(i), 0)
			c.call(unix.SYS_CLOSE, uintptr(i))
		case fd == i: // dup3 refuses it
			c.call(unix.SYS_FCNTL, uintptr(fd), unix.F_SETFD, 0)
		default:
			c.call(unix.SYS_DUP3, uintptr(fd), uintptr(i), 0)
		}
	}
}

func (c *rawChild) call(trap uintptr, args ...uintptr) {
	r := &c.calls[c.used]
	c.used++
	r.trap = trap
	for i, to := range []*uintptr{&r.a, &r.b, &r.c, &r.d}[:len(args)] {
		*to = args[i]
	}
}

// address is where something on the heap is; the caller keeps it alive.
func address[T any](p *T) uintptr {
	return uintptr(unsafe.Pointer(p)) //nolint:gosec // the kernel wants the number
}

// limitToRestore says whether the child needs another limit of descriptors, and
// which. The syscall package raises the soft limit of this process to one less
// than the hard one, and gives children back what it was.
func limitToRestore(limit *syscall.Rlimit) (restore bool, err error) {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		return false, errors.Join(errNoRawSpawn, err)
	}
	if now.Cur != now.Max-1 {
		return false, nil // somebody has set it since
	}
	first, err := firstLimit()
	if err != nil {
		return false, errors.Join(errNoRawSpawn, err)
	}
	*limit = first
	return first.Max == now.Max && first.Cur != now.Cur, nil
}

// inherit has a child get what a child of ours would, from somebody else who makes it
// for us: the limit of descriptors that this program was started with.
func (l *rlimits) inherit() {
	var first syscall.Rlimit
	if restore, err := limitToRestore(&first); err == nil && restore && !l.has(unix.RLIMIT_NOFILE) {
		l.add(unix.RLIMIT_NOFILE, first)
	}
}
