//go:build unix

package supervisor

import (
	"context"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// pair are both ends of a connection.
func pair(t *testing.T) (ours, theirs *lines) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*lines
	for i, fd := range fds {
		if ends[i], err = linesOf(os.NewFile(uintptr(fd), "pair")); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(ends[i].close)
	}
	return ends[0], ends[1]
}

// An execution that comes while a supervisor gets ready is given to that one, and not to
// another that would have to begin.
func TestRunner_WaitsForTheOneThatGetsReady(t *testing.T) {
	t.Parallel()
	r := &Runner{warm: make(chan *spare, 1)}
	next := &spare{ready: make(chan *lines, 1), needed: make(chan struct{})}
	r.warm <- next
	var sent sync.WaitGroup
	var to *lines
	var err error
	sent.Go(func() {
		to, err = r.send(context.Background(), &order{State: "here", Launch: &engine.Launch{Request: &engine.Request{Command: engine.Exec("true")}}}, nil)
	})
	ours, theirs := pair(t)
	<-next.needed
	next.ready <- ours
	close(next.ready)
	sent.Wait()
	if err != nil || to != ours {
		t.Fatalf("it was sent to %p, want %p: %v", to, ours, err)
	}
	if !theirs.in.Scan() || !strings.Contains(theirs.in.Text(), `"state":"here"`) {
		t.Errorf("it got %q, %v", theirs.in.Text(), theirs.in.Err())
	}
}

// A supervisor that nobody needs yet leaves the processor to others for a moment; one that
// somebody waits for does not, and none is started when the runner is closed.
func TestSpare_WaitsUntilItIsNeeded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		idle := spare{needed: make(chan struct{})}
		if !idle.wait(t.Context(), breath) || time.Since(began) != breath {
			t.Errorf("nobody needs it, and it began after %v", time.Since(began))
		}
		close(idle.needed)
		began = time.Now()
		if !idle.wait(t.Context(), breath) || time.Since(began) != 0 {
			t.Errorf("somebody needs it, and it began after %v", time.Since(began))
		}
		closed, end := context.WithCancel(t.Context())
		end()
		if unused := (&spare{needed: make(chan struct{})}); unused.wait(closed, breath) {
			t.Error("it is started where all is closed")
		}
	})
}
