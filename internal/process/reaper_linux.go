package process

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// reaper is the process between us and one command, as we see it: our child, and
// the parent of the leader. Its socket ends when nothing is left of the tree, because
// it ends then.
type reaper struct {
	process *Process
	below   below // its own number: the tree is what descends from it
	slot    int32

	mu     sync.Mutex
	file   *os.File // the socket
	socket int      // its descriptor; -1: closed
	state  *State   // how the leader ended; nil: not known yet
	told   bool     // the observer knows it
	empty  bool     // nothing is left of the tree
	over   bool     // the socket has ended, and so has the reaper
	lost   bool     // before its time: the tree has other parents now
}

// canReap says why there can be no reaper, if so.
func canReap() error {
	if !hooked.Load() {
		return ErrNoHook
	}
	_, err := os.Stat(reaperProgram)
	return err
}

const reaperProgram = "/proc/self/exe"

// helloTime is how long a reaper may take to get ready. Where this program does not
// become one after all, it is not waited for longer.
const helloTime = 10 * time.Second

// forkBelow runs the program below a reaper of its own, where trees are held like
// that. Where there can be none it is held less well: that is better than nothing. But
// from the order on it may have been started, and is not tried again.
func (p *Process) forkBelow(s *Spec, b *birth) (pid int, err error) {
	if p.table.Containment() != InReaper {
		return p.fork(s, b)
	}
	r, err := p.newReaper(b)
	if err != nil {
		if err = Busy(err); errors.Is(err, ErrBusy) {
			return 0, err
		}
		p.table.doWithoutReapers(err)
		return p.fork(s, b)
	}
	p.child = int(r.below)
	if pid, err = r.order(s, b); err != nil {
		r.abandon()
		reapChild(p.child)
		return 0, err
	}
	p.reaper = r
	return pid, nil
}

// doWithoutReapers keeps a table from trying again: the next would fail as well.
func (t *Table) doWithoutReapers(why error) {
	t.reapers.Store(false)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.why = fmt.Errorf("no reaper: %w", why)
}

// newReaper starts a reaper and waits until it is ready.
func (p *Process) newReaper(b *birth) (*reaper, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	r := &reaper{process: p, socket: fds[0], file: os.NewFile(uintptr(fds[0]), "reaper"), slot: -1}
	null, pidfd := p.table.nullFD, -1
	own := *b // what is the command's own stays with that
	own.files, own.enter, own.rlimits, own.noNewPrivileges = [3]int{fds[1], null, null}, nil, rlimits{}, false
	// It has little to do. Of a variable that is there twice the first counts.
	spec := Spec{Path: reaperProgram, Args: []string{reaperName}, Env: append([]string{"GOMAXPROCS=1"}, os.Environ()...)}
	pid, err := p.table.spawn(&spec, &own, &pidfd)
	closeAll(fds[1])
	if err != nil {
		_ = r.file.Close()
		return nil, err
	}
	if pidfd >= 0 {
		closeAll(pidfd)
	}
	r.below = below(pid)
	_ = r.file.SetReadDeadline(time.Now().Add(helloTime))
	if _, err := r.answer(); err != nil {
		_ = unix.Kill(pid, unix.SIGKILL)
		r.abandon()
		if outOfThreads(reapChild(pid)) {
			err = fmt.Errorf("%w: a reaper had no thread: %w", unix.EAGAIN, err)
		}
		return nil, err
	}
	return r, nil
}

// outOfThreads reports whether a reaper that was not ready yet ended as a program does whose
// runtime gets no thread: that passes, as a fork does that finds no room.
func outOfThreads(status syscall.WaitStatus) bool {
	const thrown = 2
	return status.ExitStatus() == thrown || status.Signal() == syscall.SIGABRT
}

// answer waits for a report.
func (r *reaper) answer() (*report, error) {
	text := make([]byte, maxPacket)
	n, err := r.file.Read(text)
	if err != nil {
		return nil, fmt.Errorf("hear from the reaper: %w", err)
	}
	return readReport(text[:n])
}

// order has the reaper start the command, and returns the number of that.
func (r *reaper) order(s *Spec, b *birth) (pid int, err error) {
	if err := sendOrder(r.socket, orderOf(s, b, r.process.table.portable.Load()), b); err != nil {
		return 0, err
	}
	_ = r.file.SetReadDeadline(time.Time{}) // it may have been started
	switch answer, err := r.answer(); {
	case err != nil: // not wrapped: it would be tried again where it is taken for ErrBusy
		_, left := r.process.marks.end(0)
		return 0, fmt.Errorf("the reaper has gone, and %d are left of what it may have started: %v", len(left), err) //nolint:errorlint // see above
	case answer.Refused != 0:
		return 0, answer.Refused
	default:
		return answer.Pid, nil
	}
}

// watch waits for what the reaper reports in the poller, or where that has no room
// in a goroutine.
func (r *reaper) watch() {
	r.mu.Lock() // ready must not run before the slot is known
	defer r.mu.Unlock()
	var err error
	if r.slot, err = r.process.table.poller.add(r.socket, r); err == nil {
		return
	}
	r.slot = -1
	go func(socket int32) {
		for {
			events := []unix.PollFd{{Fd: socket, Events: unix.POLLIN}}
			_, _ = unix.Poll(events, -1)
			if r.ready(0); r.isOver() {
				return
			}
		}
	}(int32(r.socket))
}

func (r *reaper) isOver() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over || r.socket < 0
}

// ready is called when the reaper has reported something, or ended.
func (r *reaper) ready(uint32) {
	r.mu.Lock()
	for r.socket >= 0 && !r.over && r.hear() {
	}
	// Where the leader was the last the reaper ends at once, and Close need not wait
	// for it if that is told first.
	state := r.state
	if r.told || !r.over && r.empty {
		state = nil
	}
	r.told = r.told || state != nil
	r.mu.Unlock()
	if state != nil {
		r.process.tell(*state)
	}
}

// hear reads one report, and returns whether there may be another. Callers hold r.mu.
func (r *reaper) hear() bool {
	var text [maxPacket]byte
	n, err := unix.Read(r.socket, text[:])
	switch {
	case errors.Is(err, unix.EINTR):
		return true
	case errors.Is(err, unix.EAGAIN):
		return false
	case err != nil || n == 0:
		r.over, r.lost = true, !r.empty
		if r.state == nil {
			r.state = &State{Code: -1} // nobody knows
		}
		return false
	}
	if said, err := readReport(text[:n]); err == nil {
		r.empty = !said.Left
		if said.Exited != nil {
			r.state = said.Exited
		}
	}
	return true
}

// signal has the reaper signal the leader's group: it knows whether the number is
// still theirs.
func (r *reaper) signal(sig syscall.Signal) error { return r.ask(wish{Signal: sig}) }

func (r *reaper) ask(w wish) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || r.socket < 0 {
		return os.ErrProcessDone
	}
	return sendPacket(r.socket, w)
}

// leave lets the reaper go without ending anybody, and returns whether it has gone
// already.
func (r *reaper) leave() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over && r.socket >= 0 {
		_ = sendPacket(r.socket, wish{Leave: true})
	}
	r.close()
	return r.over
}

// abandon has the reaper end all that is there, and itself.
func (r *reaper) abandon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.close()
}

// close ends our side. Callers hold r.mu.
func (r *reaper) close() {
	if r.socket < 0 {
		return
	}
	if r.slot >= 0 {
		r.process.table.poller.remove(r.slot)
	}
	_ = r.file.Close()
	r.socket = -1
}

// isEmpty reports whether nothing is below the reaper, as far as it has told.
func (r *reaper) isEmpty() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.empty || r.over || r.socket < 0
}

func (r *reaper) isLost() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost
}

func (r *reaper) containment() Containment {
	if r.isLost() {
		return InGroup
	}
	return InReaper
}

// left says yes where the tree has other parents now: it has to be searched for.
func (r *reaper) left() bool { return !r.isEmpty() || r.isLost() }

func (r *reaper) members() []int {
	switch {
	case r.isLost():
		return r.process.marks.members()
	case r.isEmpty():
		return nil
	}
	return r.below.members()
}

func (r *reaper) has(pid int) bool {
	if r.isLost() {
		return r.process.marks.has(pid)
	}
	return r.below.has(pid)
}

func (r *reaper) end(leader int) (ended int, left []int) {
	seen := r.below.end(r.isEmpty)
	if r.isLost() {
		return r.process.marks.end(0) // the leader too: nobody can signal it any more
	}
	delete(seen, leader)
	left = without(r.members(), leader)
	return max(len(seen)-len(left), 0), left
}
