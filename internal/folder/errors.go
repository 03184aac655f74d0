package folder

import "errors"

// Errors of this package. What is not there is fs.ErrNotExist, an execution that is
// there already fs.ErrExist, and an id that is no name of a file fs.ErrInvalid.
var (
	// ErrDamaged is returned for a document, or a sealed file, that is not what was
	// written.
	ErrDamaged = errors.New("damaged")
	// ErrVersion is returned for a document that a later version of this program wrote.
	ErrVersion = errors.New("written by a later version of this program")
	// ErrEnded is returned for a second ending.
	ErrEnded = errors.New("its ending is written already")
	// ErrNotHeld is returned for a change to an active execution whose lock is not held.
	ErrNotHeld = errors.New("its lock is not held here")
	// ErrRecordOpen is returned for sealing an execution whose record has no last note.
	ErrRecordOpen = errors.New("its record is not closed")
	// ErrNoSlot is returned where as many executions run as may.
	ErrNoSlot = errors.New("all slots are taken")
)
