package durable

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// ownerLock is the name of the lock of the owner. It has the owner's pid in it, for
// people alone: who is the owner is said by the lock.
const ownerLock = "owner.lock"

// own makes this program the owner, if there is none.
func (e *Engine) own(ctx context.Context) (err error) {
	path := filepath.Join(e.dir, ownerLock)
	if e.owner, err = lockSoon(ctx, path, 500*time.Millisecond); err != nil {
		return err
	}
	if e.owner == nil && e.config.Owner {
		return engine.Advise(fmt.Errorf("%w: %s starts what waits in %s", ErrNotOwner, readOwner(path), e.dir),
			"use that one, stop it, or name another directory with --state-dir")
	}
	if e.owner == nil {
		return nil
	}
	if err := e.owner.Truncate(0); err != nil {
		return fmt.Errorf("say who is the owner: %w", err)
	}
	if _, err := e.owner.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("say who is the owner: %w", err)
	}
	return nil
}

// lockSoon locks a file, also where its holder was killed just as it started something:
// what it started has its lock for a moment, until it executes its program.
func lockSoon(ctx context.Context, path string, longest time.Duration) (*os.File, error) {
	start := time.Now()
	for wait := time.Millisecond; ; wait *= 2 {
		if f, err := tryLock(path); f != nil || err != nil || time.Since(start)+wait > longest {
			return f, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// readOwner says who the owner is, as far as it has.
func readOwner(path string) string {
	text, err := os.ReadFile(path)
	if pid, no := strconv.Atoi(strings.TrimSpace(string(text))); errors.Join(err, no) == nil && pid > 0 {
		return "process " + strconv.Itoa(pid)
	}
	return "another process"
}
