package process

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Table holds the processes of one engine and what they share. It is safe for
// concurrent use; the zero value is not usable.
type Table struct {
	poller *poller
	null   *os.File // stdin of those that were given none
	nullFD int
	// session says that each process gets a session of its own, not just a group:
	// a session costs much more (ADR 0006).
	session bool
	// portable says that processes are started with syscall.ForkExec.
	portable atomic.Bool
	// groups hold the trees; nil: there are none, or they have failed.
	groups  *cgroups
	noGroup atomic.Bool
	limiter limiter
	manners manners
	// reapers says that a reaper holds a tree that no cgroup does.
	reapers atomic.Bool
	// buffers are what a read needs while it lasts.
	buffers sync.Pool
	nursery nursery
	sweeper sweeper

	mu     sync.Mutex
	living sync.WaitGroup
	closed bool
	why    error // there is nothing stronger
}

// NewTable opens an empty table. Close it when its processes are closed. Errors:
// ErrNoContainment, or the system's.
func NewTable(o Options) (*Table, error) {
	unignore()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	poller, err := newPoller()
	if err != nil {
		_ = null.Close()
		return nil, err
	}
	t := &Table{poller: poller, null: null, nullFD: int(null.Fd()), session: hasTerminal(), manners: ownManners()}
	t.nursery.open(t.nullFD)
	t.buffers.New = func() any { return new([readBytes]byte) }
	if err := t.contain(o.Containment); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrNoContainment, err), t.Close())
	}
	return t, nil
}

// contain gets ready to hold trees in the way that is asked for.
func (t *Table) contain(c Containment) error {
	var noGroups, noReapers error
	if c == "" || c == InCgroup {
		t.groups, noGroups = newCgroups()
	}
	if c == "" || c == InReaper {
		noReapers = canReap()
		t.reapers.Store(noReapers == nil)
	}
	switch {
	case c != "":
		return errors.Join(noGroups, noReapers)
	case noGroups != nil && noReapers != nil:
		t.why = fmt.Errorf("no cgroups: %w; no reaper: %w", noGroups, noReapers)
	case noGroups != nil:
		t.why = fmt.Errorf("no cgroups: %w", noGroups)
	}
	return nil
}

// WhyNotStronger says why Containment is not the strongest; nil if it is, or what was
// asked for.
func (t *Table) WhyNotStronger() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.why
}

// Containment is how this table holds its trees.
func (t *Table) Containment() Containment {
	switch {
	case t.groups != nil && !t.noGroup.Load():
		return InCgroup
	case t.reapers.Load():
		return InReaper
	}
	return InGroup
}

// Cgroup is the folder of the cgroup that all trees are below, "" where they are in none.
// It is for whoever has to end them where this program cannot: see [Trail].
func (t *Table) Cgroup() string {
	if t.Containment() != InCgroup {
		return ""
	}
	return t.groups.dir
}

// hasTerminal reports whether this process has a controlling terminal. A child
// in the same session would share it: a program that asks for a password there
// would stop for ever instead of failing.
func hasTerminal() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	_ = tty.Close()
	return true
}

// Close waits until every process is closed and frees what the table holds.
func (t *Table) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil
	}
	t.closed = true
	t.mu.Unlock()
	t.living.Wait()
	t.limiter.close()
	t.nursery.close()
	var err error
	if t.groups != nil {
		err = t.groups.close()
	}
	return errors.Join(err, t.poller.close(), t.null.Close())
}

// enter counts a process in, unless the table is closed.
func (t *Table) enter() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.living.Add(1)
	return true
}

// Start starts a process and returns once it runs. The observer may be called
// before Start returns. Errors: [ErrBusy], [ErrUnenforced], or what the system says
// of the path, the directory or the arguments.
func (t *Table) Start(s Spec, o Observer) (*Process, error) {
	if !t.enter() {
		return nil, os.ErrClosed
	}
	p := &Process{table: t, observer: o, blocking: s.Blocking, marks: marks{s.Mark, &t.sweeper}, pidfd: -1}
	if err := p.start(&s); err != nil {
		t.living.Done()
		return nil, err
	}
	return p, nil
}

// start opens pipes or a terminal, forks, and hands everything to the poller.
func (p *Process) start(s *Spec) error {
	e, err := p.ends(s)
	if err != nil {
		return Busy(err)
	}
	p.pid, err = p.bear(s, &birth{
		files: [3]int{e.in, e.out[1], e.out[3]}, session: p.table.session || s.Terminal != nil, group: -1,
	})
	e.closeTheirs()
	if err != nil {
		closeAll(e.out[0], e.out[2])
		p.stopFeeding()
		return Busy(err)
	}
	if s.Started != nil {
		s.Started()
	}
	return p.watch(e.out[0], e.out[2])
}

// pipes opens the two output pipes: our ends do not block, theirs do.
func pipes() (fds [4]int, err error) {
	for i := 0; i < 4; i += 2 {
		if err = unix.Pipe2(fds[i:i+2], unix.O_CLOEXEC); err != nil {
			closeAll(fds[:i]...)
			return fds, os.NewSyscallError("pipe2", err)
		}
		if err = unblock(fds[i]); err != nil {
			closeAll(fds[:i+2]...)
			return fds, os.NewSyscallError("fcntl", err)
		}
	}
	return fds, nil
}

// watch hands the process to the poller. From here on the observer is called. On
// a terminal there is no stderr: it has ended before it began.
func (p *Process) watch(stdout, stderr int) error {
	p.out[0] = pipe{process: p, stream: Stdout, fd: stdout, terminal: stderr < 0}
	p.out[1] = pipe{process: p, stream: Stderr, fd: stderr}
	open := p.out[:]
	if stderr < 0 {
		p.out[1].state.Store(drained)
		open = p.out[:1]
	}
	for i := range open {
		q := &open[i]
		q.state.Store(owned) // until its slot is known
		slot, err := p.table.poller.add(q.fd, q)
		if err != nil {
			return p.unwatch(i, err)
		}
		q.slot = slot
	}
	for i := range open {
		if q := &open[i]; !q.release() {
			q.catchUp()
		}
	}
	if stderr < 0 {
		p.observer.EOF(Stderr)
	}
	return p.watchExit()
}

// unwatch undoes a start that the poller refused: the process must not run on
// unseen.
func (p *Process) unwatch(added int, err error) error {
	for i := range p.out {
		p.out[i].state.Store(drained)
		if i < added {
			p.table.poller.remove(p.out[i].slot)
		}
		closeNow(p.out[i].fd)
	}
	if p.reaper != nil {
		p.reaper.abandon()
	} else {
		_ = unix.Kill(-p.pid, unix.SIGKILL)
	}
	p.awaitExit()
	p.reap()
	p.stopFeeding()
	return Busy(err)
}
