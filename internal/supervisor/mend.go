package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// mend brings an execution to its end that nobody runs any more, and whose lock is held
// here. Where it was never started nothing is left of it. Errors: ErrNotFound for
// that, the system's.
func (r *Runner) mend(f *folder.Folder, l *engine.Launch) (*engine.Ending, error) {
	end := new(engine.Ending)
	var d description
	unknown := f.Description(&d)
	removeDoor(d.Socket) // who is killed leaves it, whether it had come to the ending or not
	err := f.Ending(end)
	if err == nil {
		return end, closeRecord(f)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	switch err := unknown; {
	case errors.Is(err, fs.ErrNotExist), err == nil && d.Keeper.Pid == 0: // somebody was about to withdraw it
		return nil, errors.Join(fmt.Errorf("%w: execution %s was never started", engine.ErrNotFound, f.ID()), f.Remove())
	case errors.Is(err, folder.ErrDamaged): // the mark is all that is known
		d = description{Trail: process.Trail{Mark: l.Mark(), Keeper: process.Self()}}
	case err != nil:
		return nil, err
	}
	*end = lost(f, &d)
	swept, left := r.search.End(d.Trail)
	end.Swept = swept
	for _, s := range left { // the program alone: the mask for its arguments went with the supervisor
		program, _, _ := strings.Cut(s.Command, " ")
		end.Survivors = append(end.Survivors, engine.Survivor{Pid: s.Pid, Command: program})
	}
	if err := f.End(end); err != nil {
		return nil, err
	}
	return end, closeRecord(f)
}

// takeLeft takes the folder over, with its lock, of a start that came to nothing: the system
// may have been out of what it takes to remove it. Errors: fs.ErrExist where somebody has
// started or withdrawn it, ErrBusy where somebody looks at it, the system's.
func takeLeft(s *folder.State, id string) (*folder.Folder, error) {
	f, err := s.Find(id)
	switch {
	case errors.Is(err, fs.ErrNotExist): // somebody has removed it meanwhile
		return s.Create(id)
	case err != nil:
		return nil, err
	case f.Sealed():
		return nil, fs.ErrExist
	}
	mine, err := f.Claim()
	if err = errors.Join(err, absent(f.Description(nil)), absent(f.Ending(nil))); err != nil {
		return nil, errors.Join(err, f.Release())
	}
	if !mine {
		return nil, fmt.Errorf("%w: execution %s is being looked at", engine.ErrBusy, id)
	}
	if err := discard(f); err != nil {
		return nil, err
	}
	return s.Create(id)
}

// absent is fs.ErrExist of what could be read, and nil of what is not there.
func absent(err error) error {
	if err == nil {
		return fs.ErrExist
	}
	return ignoreMissing(err)
}

// lost is the ending of an execution whose supervisor has gone: how much is known.
func lost(f *folder.Folder, d *description) engine.Ending {
	end := engine.Ending{
		Cause: engine.CauseLost, ExitCode: -1, Started: d.StartingAt, Ended: time.Now(),
		Error:      "what ran it has gone, and nobody knows how it ended",
		Unenforced: d.Unenforced, LogPath: d.LogPath,
	}
	if d.Keeper.Boot != "" && !d.Keeper.SameBoot() {
		end.Error = "the machine was started again while it ran, and nobody knows how it ended"
	}
	if last := lastSign(f); !last.IsZero() {
		end.Ended = last
		end.Error += "; the last that was heard of it was at " + last.UTC().Format(time.RFC3339)
	}
	return end
}

// lastSign is when an execution was last heard of.
func lastSign(f *folder.Folder) (last time.Time) {
	j, err := journal.OpenAt(f.RecordPath)
	if err != nil {
		return last
	}
	defer func() { _ = j.Release() }()
	buf := make([]journal.Record, 1)
	if n, _, _ := j.TryRead(j.End()-1, buf); n > 0 {
		last = buf[0].Time
	}
	return last
}

// closeRecord writes the last note of a record, if its writer did not come to that. One
// that is damaged stays as it is: who reads it is told.
func closeRecord(f *folder.Folder) error {
	path, err := f.RecordPath()
	if err != nil {
		return err
	}
	j, err := journal.Open(path)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	closed := j.Closed()
	if err := j.Release(); err != nil || closed {
		return err
	}
	if j, err = journal.Resume(path); err != nil {
		return err
	}
	engine.EndRecord(j)
	return errors.Join(j.Sync(), j.Release())
}

// lose ends an execution that may have been started by a supervisor that has gone since.
// Its lock is held here.
func (r *Runner) lose(k *link) {
	end, err := r.mend(k.folder, k.launch)
	if err != nil {
		end = &engine.Ending{Cause: engine.CauseLost, ExitCode: -1, Error: err.Error()}
	}
	_ = k.folder.Leave()
	k.end(end)
}
