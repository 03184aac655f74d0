package process

import (
	"encoding/json"
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// reaperName is the only argument of a reaper, and what ps shows. The kernel keeps
// 15 letters.
const reaperName = "cloudops-reaper"

// hooked says that this program becomes a reaper where it is started as one.
//
//nolint:gochecknoglobals // what main did is one fact for all tables
var hooked atomic.Bool

// ReaperMain is for the top of main. Where this program was started by itself as
// the reaper of a command, it is that and does not return; else it returns at once,
// and tables may use [InReaper].
func ReaperMain() {
	if len(os.Args) != 1 || os.Args[0] != reaperName {
		hooked.Store(true)
		return
	}
	code := 0
	if err := beReaper(); err != nil {
		code = 1 // nobody asks: the socket says it
	}
	unix.Exit(code) // os.Exit would do what the program wants done at its end: that is not this
}

// control is the reaper's end of the socket, which is os.Stdin.
const control = 0

// reaping is a reaper from the inside. Everything happens in one goroutine.
type reaping struct {
	leader   int
	exited   bool
	children chan os.Signal
	wishes   chan wish
}

// reaperThreads are as many as a reaper needs at once: to fork, to hear the engine, to hear
// signals.
const reaperThreads = 2

// beReaper starts the command it is told to, and adopts and reaps what descends from
// it until nothing is left, or it may go. Where the engine has gone it ends all.
func beReaper() error {
	r := &reaping{children: make(chan os.Signal, 1), wishes: make(chan wish)}
	// A command that signals its parent, or a terminal, means the engine, which is
	// not there. What is caught and dropped is at its default in the command.
	signal.Notify(make(chan os.Signal, 1))
	signal.Notify(r.children, unix.SIGCHLD)
	nameProcess(reaperName)
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	KeepThreads(reaperThreads)
	if err := sendPacket(control, report{Version: orderVersion}); err != nil {
		return err
	}
	if err := r.start(); err != nil {
		return err
	}
	go r.listen()
	r.serve()
	return nil
}

// start starts the leader, and lets go of what is the command's: nobody's pipe stays
// open because of us, and no file system busy.
func (r *reaping) start() error {
	o, files, err := receiveOrder(os.Stdin)
	if err != nil {
		return err
	}
	for _, sig := range o.Ignored { // by the engine; the runtime has set handlers here
		if sig != unix.SIGCHLD { // which we live on
			signal.Ignore(sig)
		}
	}
	table := &Table{}
	table.portable.Store(o.Portable)
	p := &Process{table: table, pidfd: -1}
	spec, birth := o.birth(files)
	r.leader, err = p.fork(spec, birth)
	closeAll(files...)
	if p.pidfd >= 0 {
		closeAll(p.pidfd)
	}
	if err != nil {
		errno := syscall.EINVAL
		errors.As(err, &errno)
		return errors.Join(err, sendPacket(control, report{Version: orderVersion, Refused: errno}))
	}
	closeInherited()
	_ = os.Chdir("/")
	return sendPacket(control, report{Version: orderVersion, Pid: r.leader})
}

// listen passes on what is asked for until the engine is gone.
func (r *reaping) listen() {
	defer close(r.wishes)
	for text := make([]byte, maxPacket); ; {
		n, err := os.Stdin.Read(text)
		if err != nil || n == 0 {
			return
		}
		var w wish
		if json.Unmarshal(text[:n], &w) == nil {
			r.wishes <- w
		}
	}
}

func (r *reaping) serve() {
	for !r.reap() {
		select {
		case <-r.children:
		case w, ok := <-r.wishes:
			switch {
			case !ok:
				r.endAll()
				return
			case w.Leave:
				return
			}
			r.signal(w)
		}
	}
}

// reap takes the zombies away, reports the leader's exit if it is among them, and
// returns whether nobody is left.
func (r *reaping) reap() (empty bool) {
	var state *State
	for {
		var status unix.WaitStatus
		var usage unix.Rusage
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG|unix.WALL, &usage)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			empty = err != nil
			break
		}
		if pid == r.leader && !r.exited {
			r.exited, state = true, waitState(status, &usage)
		}
	}
	if state != nil || empty {
		_ = sendPacket(control, report{Version: orderVersion, Exited: state, Left: !empty})
	}
	return empty
}

func waitState(status unix.WaitStatus, u *unix.Rusage) *State {
	s := &State{Code: status.ExitStatus(), Usage: usageOf(u)}
	if status.Signaled() {
		s.Code, s.Signal, s.Core = -1, status.Signal(), status.CoreDump()
	}
	return s
}

// signal signals the leader's group. Without the leader its number is not ours: the
// members are signalled one by one.
func (r *reaping) signal(w wish) {
	switch {
	case !r.exited && w.Leader:
		_ = signalOne(r.leader, w.Signal)
		return
	case !r.exited:
		_ = signalGroup(r.leader, w.Signal)
		return
	case w.Leader:
		return
	}
	all := below(os.Getpid())
	for _, pid := range all.members() {
		if group, err := unix.Getpgid(pid); err == nil && group == r.leader {
			signalMember(all.has, pid, w.Signal)
		}
	}
}

// endAll kills what is left, for as long as a process may hang in the kernel.
func (r *reaping) endAll() {
	all := below(os.Getpid())
	for start := time.Now(); !r.reap() && time.Since(start) < 5*restTime; {
		all.end(r.reap)
	}
}
