package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// processName is the only argument of a supervisor, and what ps shows. The kernel keeps 15
// letters.
const processName = "cloudops-superv"

// hooked says that this program becomes a supervisor where it is started as one.
//
//nolint:gochecknoglobals // what main did is one fact for all runners
var hooked atomic.Bool

// Main is for the top of main, and of TestMain, before anything is opened or started.
// Where this program was started by itself as a supervisor, or as a reaper, it is that and
// does not return. Else it returns at once, and [New] works.
func Main() {
	process.ReaperMain()
	if !process.IsDetached(processName) {
		hooked.Store(true)
		return
	}
	process.SettleDetached(processName)
	code := 0
	if err := supervise(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err) // which is supervisor.log by now, or nothing
		code = 1
	}
	syscall.Exit(code) // os.Exit would do what the program wants done at its end: that is not this
}

// environment is what a supervisor has of ours: where files go, and how small it is to be.
func environment() []string {
	env := []string{"GOMAXPROCS=2", "GOTRACEBACK=single"}
	for _, name := range []string{"TMPDIR", "XDG_RUNTIME_DIR", "HOME", "GOCOVERDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// supervised is a supervisor from the inside.
type supervised struct {
	host   *engine.Host
	door   *door
	keeper *keeper
	launch *engine.Launch
	ended  chan engine.Ending // holds the ending
	slot   *os.File           // nil: none; open for life
}

// supervise is the life of a supervisor.
func supervise() error {
	// What a terminal, a command that signals its parent, or a socket that was closed
	// means is not us. What is caught and dropped is at its default in the command.
	signal.Notify(make(chan os.Signal, 1))
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM) // the machine goes down
	engineLines, in, err := firstLines()
	if err != nil {
		return err
	}
	s := &supervised{ended: make(chan engine.Ending, 1)}
	if err := s.getReady(engineLines); err != nil {
		return errors.Join(err, engineLines.write(message{Refused: problemOf(err)}))
	}
	defer func() { _ = s.host.Close() }()
	defer s.door.close()
	if err := engineLines.write(message{Hello: &hello{Version: version, Oldest: oldest}}); err != nil {
		return err
	}
	var o order
	if err := engineLines.read(&o); err != nil {
		return nil // the engine does not need it any more
	}
	if err := s.start(&o, in.files, engineLines); err != nil {
		return errors.Join(err, engineLines.write(message{Refused: problemOf(err)}))
	}
	return s.see(end)
}

// firstLines are those of the socket over which the engine speaks, with the descriptors that
// come.
func firstLines() (*lines, *taking, error) {
	l, err := linesOf(os.Stdin)
	if err != nil {
		return nil, nil, err
	}
	const anyLength = 1 << 31
	in := &taking{conn: l.conn}
	l.readFrom(in, anyLength)
	return l, in, nil
}

// threads are as many as a supervisor with much to do has been seen with. Where there are not
// so many it ends before it has said hello, and not when it has a command.
const threads = 4

// getReady makes what does not depend on the execution.
func (s *supervised) getReady(l *lines) (err error) {
	var p prepare
	if err := l.read(&p); err != nil {
		return err
	}
	process.KeepThreads(threads)
	if s.door, err = openDoor(); err != nil {
		return err
	}
	if s.host, err = engine.NewHost(p.Containment); err != nil {
		s.door.close()
	}
	return err
}

// start starts the execution of an order. Where that fails, nothing is left of it.
func (s *supervised) start(o *order, files []*os.File, l *lines) error {
	if len(files) == 0 || o.Launch == nil {
		return errNoOrder
	}
	if len(files) > 1 {
		s.slot = files[1]
	}
	state, err := folder.Open(o.State)
	if err != nil {
		return err
	}
	if o.Relaxed {
		state.Relax()
	}
	f, err := state.Inherit(o.Launch.ID.String(), files[0])
	if err != nil {
		return err
	}
	if err := s.startIn(f, o, l); err != nil {
		return errors.Join(err, f.Remove())
	}
	return nil
}

var errNoOrder = errors.New("no order came")

func (s *supervised) startIn(f *folder.Folder, o *order, l *lines) error {
	if err := logTo(filepath.Join(f.Dir(), logName)); err != nil {
		return err
	}
	where, err := f.RecordPath()
	if err != nil {
		return err
	}
	record, err := journal.Resume(where)
	if err != nil {
		return err
	}
	s.launch = o.Launch
	k := newKeeper(s.launch.ID, f, record, s.door)
	s.keeper = k
	s.launch.Journal = record
	s.launch.Started = func() {}
	s.launch.Phase = k.phase
	s.launch.Ended = func(end engine.Ending) { s.ended <- end }
	if err := k.describe(s.launch, s.host.Cgroup(), o.About); err != nil {
		return err
	}
	undo := goLast()
	control, err := s.host.StartAlone(context.Background(), s.launch)
	undo()
	if err != nil {
		return err
	}
	var at time.Time
	if c, ok := control.(interface {
		Began() (at time.Time, timeout time.Duration)
	}); ok {
		at, _ = c.Began()
	}
	k.runs(s.launch, control, at)
	k.serve(newLines(l.conn), func(now started) []message { return []message{{Started: &now}} })
	s.launch = nil // the secrets among others
	k.group.Go(settle)
	return nil
}

// settle has this program be small from when it has nothing more to hurry for: to collect
// twice as often from the beginning costs a fifth of the time in which it gets ready.
func settle(ctx context.Context) {
	select {
	case <-time.After(time.Second / 10):
		debug.SetGCPercent(50)
	case <-ctx.Done():
	}
}

// logName is the file for what this program prints, beside the record.
const logName = "supervisor.log"

// see waits for the end of the execution, and sees to it that it is known.
func (s *supervised) see(terminate <-chan os.Signal) error {
	for {
		select {
		case <-terminate:
			s.keeper.control.Stop(engine.CauseShutdown, engine.Actor{})
		case end := <-s.ended:
			_ = s.keeper.end(end, engine.Forever)
			engine.EndRecord(s.keeper.record)
			return s.keeper.leave(end)
		}
	}
}

// ignoreMissing makes no error of what is not there.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
