package process_test

import (
	"context"
	"io"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// A process does not depend on the thread that started it: none of ours has a
// parent-death signal, which comes when the thread ends and not the program.
func TestPLAT06_ChildOutlivesTheThreadThatStartedIt(t *testing.T) {
	t.Parallel()
	table := open(t)
	for range 20 {
		type started struct {
			p *process.Process
			w *watched
		}
		done := make(chan started)
		go func() {
			runtime.LockOSThread() // the thread ends with this goroutine
			w := newWatched()
			p, err := table.Start(process.Spec{Path: "/bin/cat", Args: []string{"cat"}, Stdin: never{t.Context()}, Env: os.Environ()}, w)
			if err != nil {
				t.Error(err)
			}
			done <- started{p, w}
		}()
		s := <-done
		select {
		case <-s.w.exited:
			t.Fatalf("it died early: %+v", s.w.state)
		case <-time.After(5 * time.Millisecond): // its thread has gone by now
		}
		_ = s.p.Signal(syscall.SIGTERM)
		within(t, "end", s.w.ended)
		s.p.Close()
		if s.w.state.Signal != syscall.SIGTERM {
			t.Errorf("it ended by %+v", s.w.state)
		}
	}
}

// never is a reader that gives nothing until its context is done.
type never struct{ ctx context.Context }

func (n never) Read([]byte) (int, error) {
	<-n.ctx.Done()
	return 0, io.EOF
}
