package durable

import "errors"

// The conditions that Open returns, besides those of package history and the system's.
var (
	// ErrForeign: the directory is that of something else.
	ErrForeign = errors.New("not a state directory")
	// ErrNewer: a later version of the program made the directory. Nothing was changed.
	ErrNewer = errors.New("state directory is of a newer version")
	// ErrNotOwner: another program starts what waits in this directory.
	ErrNotOwner = errors.New("state directory has an owner")
)
