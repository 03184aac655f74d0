package journal

import (
	"errors"
	"fmt"
)

// MoveTo has a journal in memory that has notes only go on as a record on disk, in a
// folder that is made and that this process writes, with bounds as of [Create]. Cursors
// and times stay, and who waits goes on waiting.
//
// Errors: the system's, and those of a journal with output, one that is closed and one
// that is on disk; it then is what it was before.
func (j *Journal) MoveTo(where Place, keep int64) error {
	dir, err := where()
	if err == nil {
		err = j.moveTo(&site{place: where}, dir, keep)
	}
	if err != nil {
		return fmt.Errorf("move the record to disk: %w", err)
	}
	return nil
}

func (j *Journal) moveTo(at *site, dir string, keep int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	c := j.openLocked()
	switch {
	case j.disk.Load() != nil:
		return errors.New("it is there already")
	case c == nil:
		return errors.New("it is closed")
	case c.logs != [streams]*byteLog{}:
		return errors.New("it has output in memory")
	}
	d, err := create(at, dir, keep, c)
	if err != nil {
		return err
	}
	j.options.Budget.release(c.held())
	files := d.files // which changes when somebody else goes on
	c.files = &files
	j.disk.Store(d)
	return nil
}

// HandOver closes what this process writes the record with, so that another one goes
// on by [Resume]. From then on j is as of [Open]: Append, Note and Close do nothing, and
// Refresh adds what the other wrote. It is not for a journal in memory.
func (j *Journal) HandOver() error {
	if j.disk.Load() == nil {
		return errors.New("hand over the record: it is in memory")
	}
	if err := j.Release(); err != nil {
		return fmt.Errorf("hand over the record: %w", err)
	}
	return nil
}

// TakeBack undoes MoveTo and HandOver where nobody went on with the record: it is in
// memory again, with the notes that it had. The folder is left, for the caller to remove.
// In memory it does nothing. Errors: that of a journal with output, and the system's.
func (j *Journal) TakeBack() error {
	d := j.disk.Load()
	if d == nil {
		return nil
	}
	if err := j.Release(); err != nil {
		return fmt.Errorf("take back the record: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.content.logs != [streams]*byteLog{} {
		return errors.New("take back the record: it has output")
	}
	j.content.files = nil
	j.options.Budget.reserve(j.content.held()) // too little to be refused, and it is there already
	j.disk.Store(nil)
	return nil
}

// Follow has an empty journal in memory become what [Open] gives of the record at a
// place. Who waits for the journal goes on waiting, or is woken by what there is.
//
// Errors: [ErrFormat], those of the files, and that of a journal that is not empty; it
// then is what it was before.
func (j *Journal) Follow(where Place) error {
	other, err := OpenAt(where)
	if err != nil {
		return err
	}
	j.mu.Lock()
	old, c := j.openLocked(), other.content
	if j.disk.Load() != nil || old == nil || old.end() > 0 {
		j.mu.Unlock()
		return errors.Join(errors.New("follow the record: this journal is not empty"), other.Release())
	}
	c.wake, c.notify, c.notifyAt = old.wake, old.notify, old.notifyAt
	j.content = c
	j.disk.Store(other.disk.Load())
	var notify func()
	if c.end() > 0 {
		notify = c.wakeAll()
	}
	j.mu.Unlock()
	j.tell(notify)
	return nil
}
