package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/folder"
)

// Outlives says that what is started goes on without the engine. See engine.Finder.
func (r *Runner) Outlives() bool { return true }

// Withdraw has nobody start an execution, and keeps this ending of it. See engine.Finder.
// Who makes the folder decides what becomes of an execution: whoever would start it,
// or this.
func (r *Runner) Withdraw(_ context.Context, id engine.ID, end engine.Ending) error {
	f, err := r.state.Create(id.String())
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: execution %s has been started", engine.ErrFinished, id)
	}
	if err != nil {
		return err
	}
	record := engine.NewRecord()
	err = errors.Join(f.Describe(description{}), record.MoveTo(f.RecordPath, 0))
	if err == nil {
		err = errors.Join(f.End(end))
	}
	if err != nil {
		return errors.Join(err, discard(f))
	}
	engine.EndRecord(record)
	if !f.Relaxed() {
		err = record.Sync()
	}
	return errors.Join(err, record.Release(), f.Release())
}

// About is what was kept of an execution in its folder (see Options.About), and when it was
// started: zero where it was withdrawn before. Errors: those of folder.Description.
func About(f *folder.Folder) (about json.RawMessage, started time.Time, err error) {
	var d description
	err = f.Description(&d)
	return d.About, d.StartingAt, err
}
