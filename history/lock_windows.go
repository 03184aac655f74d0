package history

import "context"

// lock is not there on Windows, where several programs do not share a history.
type lock struct{ alone bool }

func takeLock(context.Context, string) (*lock, error) { return &lock{alone: true}, nil }

func (l *lock) share(context.Context) error { return nil }

func (l *lock) release() error { return nil }
