//go:build unix

package journal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// shortVariable has this binary read a record while it has no descriptor left: it says where
// the record is.
const shortVariable = "JOURNAL_TEST_SHORT"

// RES-04: who reads while there is no descriptor for a file waits for one, and is not told of
// a gap where nothing is missing. In a process of its own, whose descriptors are nobody else's.
func TestRES04_ReadsWhenThereIsADescriptor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/record"
	j, err := journal.Create(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	j.Append(journal.Stdout, []byte("here\n"))
	j.Close(1, 1)
	if err := j.Release(); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self)
	c.Env = append(os.Environ(), shortVariable+"="+dir)
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// readInNeed reads a record without a descriptor, at first.
func readInNeed(dir string) error {
	j, err := journal.Open(dir)
	if err != nil {
		return err
	}
	fds, err := takeDescriptors()
	if err != nil {
		return err
	}
	var buf [8]journal.Record
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if n, next, err := j.Read(done, 0, buf[:]); n != 0 || next != 0 || !errors.Is(err, context.Canceled) {
		return fmt.Errorf("whose context is done has %v to %d, %w", buf[:n], next, err)
	}
	time.AfterFunc(200*time.Millisecond, func() {
		for _, fd := range fds {
			_ = syscall.Close(fd)
		}
	})
	if _, _, err := j.Read(context.Background(), 0, buf[:]); err != nil || string(buf[0].Data) != "here\n" {
		return fmt.Errorf("%v is %q, %w", buf[0].Kind, buf[0].Data, err)
	}
	return nil
}

// takeDescriptors leaves none.
func takeDescriptors() (fds []int, err error) {
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		return nil, err
	}
	for {
		fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if errors.Is(err, syscall.EMFILE) {
			return fds, nil
		}
		if err != nil {
			return nil, err
		}
		fds = append(fds, fd)
	}
}
