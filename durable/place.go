package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	engine "github.com/escher-dbai/cloudops-engine"
)

const (
	// markName is the file that tells a state directory from others. It has the version
	// of what is in the directory.
	markName = "cloudops-state"
	version  = 1
)

// prepare makes a directory ours, or refuses it: one with something else in it, or of a
// later version. Whose it is and who may look into it is for history to judge, which
// is next.
func prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return engine.Advise(fmt.Errorf("make the state directory: %w", err), "name another with --state-dir or CLOUDOPS_STATE_DIR")
	}
	text, err := os.ReadFile(filepath.Join(dir, markName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return mark(dir)
	case err != nil:
		return fmt.Errorf("open the state directory: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	switch {
	case err != nil || n < 1:
		return engine.Advise(fmt.Errorf("%w: %s has %.40q in %s", ErrForeign, dir, text, markName), "name another directory, or restore that file: it says %d", version)
	case n > version:
		return engine.Advise(fmt.Errorf("%w: %s has version %d, this program knows %d", ErrNewer, dir, n, version), "use the later version of the program, or another directory")
	}
	return nil
}

// mark marks an empty directory as ours.
func mark(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("open the state directory: %w", err)
	}
	for _, e := range entries {
		if e.Name() == markName { // somebody was quicker
			return prepare(dir)
		}
		if !strings.HasPrefix(e.Name(), markName) { // another program marks it at this moment
			return engine.Advise(fmt.Errorf("%w: %s has %s in it", ErrForeign, dir, e.Name()), "name an empty directory, or one that is not there yet")
		}
	}
	f, err := os.CreateTemp(dir, markName+".")
	if err != nil {
		return engine.Advise(fmt.Errorf("open the state directory: %w", err), "name one that can be written to with --state-dir or CLOUDOPS_STATE_DIR")
	}
	_, err = f.WriteString(strconv.Itoa(version) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, markName))
	}
	if err != nil {
		err = errors.Join(fmt.Errorf("mark the state directory: %w", err), ignoreMissing(os.Remove(f.Name())))
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
