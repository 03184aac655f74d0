//go:build unix

package supervisor

import (
	"context"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

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
	r := &Runner{warm: make(chan chan *lines, 1)}
	next := make(chan *lines, 1)
	r.warm <- next
	var sent sync.WaitGroup
	var to *lines
	var err error
	sent.Go(func() {
		to, err = r.send(context.Background(), &order{State: "here", Launch: &engine.Launch{Request: &engine.Request{Command: engine.Exec("true")}}}, nil)
	})
	for len(r.warm) > 0 {
		runtime.Gosched()
	}
	ours, theirs := pair(t)
	next <- ours
	close(next)
	sent.Wait()
	if err != nil || to != ours {
		t.Fatalf("it was sent to %p, want %p: %v", to, ours, err)
	}
	if !theirs.in.Scan() || !strings.Contains(theirs.in.Text(), `"state":"here"`) {
		t.Errorf("it got %q, %v", theirs.in.Text(), theirs.in.Err())
	}
}
