package history

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	engine "github.com/escher-dbai/cloudops-engine"
)

// The conditions that Open returns, besides the system's own errors.
var (
	// ErrUnsafe: the directory, or a file in it, is not ours alone, or is where a
	// database cannot be kept. The hint says what to do.
	ErrUnsafe = errors.New("history is not safe here")
	// ErrForeign: the file is a database of something else.
	ErrForeign = errors.New("not a history")
	// ErrNewer: a later version of the program wrote the history. Nothing was changed.
	ErrNewer = errors.New("history is of a newer version")
	// ErrInUse: another program has the history open, and must not while it is
	// migrated or set aside.
	ErrInUse = errors.New("history is in use")
	// ErrDamaged: the history is damaged.
	ErrDamaged = errors.New("history is damaged")
)

// about is a condition of the engine about something named.
func about(condition error, format string, args ...any) error {
	return fmt.Errorf("%w: %s", condition, fmt.Sprintf(format, args...))
}

// broken is an error of the database as the engine knows it.
func broken(doing string, err error) error {
	if err == nil {
		return nil
	}
	wrapped := fmt.Errorf("%w: %s: %w", engine.ErrStore, doing, err)
	switch primary(err) {
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return engine.Advise(fmt.Errorf("%w: %w", ErrDamaged, wrapped), "close every program that has the history open: the next to open it checks it, and sets it aside")
	case lib.SQLITE_FULL:
		return engine.Advise(wrapped, "free some space on the disk of the history")
	case lib.SQLITE_BUSY:
		return engine.Advise(wrapped, "another program writes to the history for long: try again")
	}
	return wrapped
}

// isDamage tells whether an error says that the file is not what was written.
func isDamage(err error) bool {
	code := primary(err)
	return code == lib.SQLITE_CORRUPT || code == lib.SQLITE_NOTADB
}

// primary is the code of an error of SQLite, 0 of another.
func primary(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}
