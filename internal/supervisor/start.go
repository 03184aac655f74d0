package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// launch hands the record over to a supervisor, and has that start the execution.
func (r *Runner) launch(ctx context.Context, k *link, slot *os.File, about json.RawMessage) error {
	j := k.launch.Journal
	if err := errors.Join(j.MoveTo(k.folder.RecordPath, k.launch.KeepBytes), j.HandOver()); err != nil {
		return err
	}
	o := order{State: r.options.Dir, Launch: k.launch, About: about, Relaxed: k.folder.Relaxed()}
	files := []*os.File{k.folder.Lock()}
	if slot != nil {
		files = append(files, slot)
	}
	l, err := r.send(ctx, &o, files)
	if err != nil {
		return err
	}
	now, err := hearStart(l)
	if err != nil {
		l.close()
		return err
	}
	k.join(l, now, true)
	return nil
}

// mayRun reports whether an error of launch leaves it open whether there was a start.
func mayRun(err error, f *folder.Folder) bool {
	return errors.Is(err, errGone) && !errors.Is(f.Description(nil), fs.ErrNotExist)
}

// send sends an order to a supervisor that is ready or about to be, or to one that is
// started for it.
func (r *Runner) send(ctx context.Context, o *order, files []*os.File) (*lines, error) {
	if l := r.spare(); l != nil {
		if l.write(o, files...) == nil {
			return l, nil
		}
		l.close() // it was ended while it waited
	}
	l, err := r.supervisor()
	if err != nil {
		return nil, fmt.Errorf("start a supervisor: %w", err)
	}
	if err = context.Cause(ctx); err == nil { // from here on it is not ours to stop
		err = l.write(o, files...)
	}
	if err != nil {
		l.close()
		return nil, fmt.Errorf("send the launch to the supervisor: %w", err)
	}
	return l, nil
}

// hearStart waits for what became of an order.
func hearStart(l *lines) (*started, error) {
	var m message
	if err := l.read(&m); err != nil {
		return nil, fmt.Errorf("%w: %w", errGone, err)
	}
	if m.Started == nil && m.Refused == nil {
		return nil, errors.New("the supervisor says neither that it runs nor why not")
	}
	return m.Started, m.Refused.err()
}

// errGone says that a supervisor has gone that may have started the execution.
var errGone = errors.New("the supervisor has gone")

// supervisor starts one and waits until it is ready.
func (r *Runner) supervisor() (*lines, error) {
	said, saying, err := os.Pipe()
	if err != nil {
		return nil, busy(err)
	}
	defer func() { _ = said.Close() }()
	socket, err := process.Detach(processName, environment(), saying)
	_ = saying.Close()
	if err != nil {
		return nil, busy(err)
	}
	l, err := linesOf(socket)
	if err != nil {
		return nil, busy(err)
	}
	if err := r.greet(l); err != nil {
		l.close()
		return nil, lastWords(said, err)
	}
	return l, nil
}

// busy is an error as an ErrBusy, if it passes by itself.
func busy(err error) error {
	if err = process.Busy(err); errors.Is(err, process.ErrBusy) {
		return fmt.Errorf("%w: %w", engine.ErrBusy, err)
	}
	return err
}

// greet tells a supervisor what it needs to get ready, and waits until it is.
func (r *Runner) greet(l *lines) error {
	var m message
	err := l.write(prepare{Version: version, Containment: r.options.Containment})
	if err == nil {
		err = l.hear(&m)
	}
	if err == nil {
		err = m.Refused.err()
	}
	if err == nil && m.Hello == nil {
		err = errNoHello
	}
	return err
}

var errNoHello = errors.New("it does not say hello")

// lastWords is the error of a supervisor that did not get ready, with what it has said
// itself. The runtime of one that gets no thread says so and ends.
func lastWords(said *os.File, err error) error {
	_ = said.SetReadDeadline(time.Now().Add(patience / 10)) // it has ended, or hangs
	text, _ := io.ReadAll(io.LimitReader(said, 1<<10))
	first, _, _ := strings.Cut(string(text), "\n")
	switch {
	case strings.Contains(first, "failed to create new OS thread"), strings.Contains(first, "pthread_create failed"):
		return fmt.Errorf("%w: a supervisor says: %s", engine.ErrBusy, first)
	case first != "":
		return fmt.Errorf("%w; it says: %s", err, first)
	}
	return err
}
