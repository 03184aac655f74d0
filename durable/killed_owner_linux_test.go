package durable_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/durable"
)

// work is a kind of command that a program executes that is going to be killed. Each begins
// by appending a line to a file of its own: who was run twice has two.
type work struct {
	line   string
	code   int  // as it exits where nobody disturbs it
	writes bool // the same to its stdout and to a plain file
	hangs  bool // until it is cancelled
}

func works() map[string]work {
	return map[string]work{
		"short":    {line: `:`},
		"failing":  {line: `echo oops >&2; exit 7`, code: 7},
		"output":   {line: `seq 1 20000 | sed "s/$/ of $CEE_EXECUTION_ID/" | tee "$out"`, writes: true},
		"slowly":   {line: `for i in 1 2 3 4 5 6 7 8; do echo "line $i" | tee -a "$out"; sleep 0.02; done; exit 3`, code: 3, writes: true},
		"sleeping": {line: `sleep 0.15`},
		"escaping": {line: `setsid sleep 600 & exit 5`, code: 5},
		"hanging":  {line: `setsid sleep 600 & sleep 600`, hangs: true},
	}
}

// request is a request for a kind of work in a directory.
func (w *work) request(kind, dir string) engine.Request {
	const begin = `echo run >>"$1/runs/$CEE_EXECUTION_ID"; out="$1/out/$CEE_EXECUTION_ID"; `
	r := engine.Request{Command: engine.Exec("sh", "-c", begin+w.line, "sh", dir)}
	if kind == "escaping" {
		r.WaitDelay = 20 * time.Millisecond // it holds the output open; others get time to be read
	}
	r.Metadata.Tags = map[string]string{"kind": kind}
	if kind == "failing" {
		r.Secrets = []string{"hunter2hunter2"} // and so it is encrypted until it starts
	}
	return r
}

// beOwner executes work in a state directory from several goroutines for as long as it
// lives, and says what was acknowledged.
func beOwner(dir, held string) error {
	e, err := durable.Open(context.Background(), filepath.Join(dir, "state"), killConfig(held))
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	say := func(what ...any) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintln(os.Stdout, what...)
	}
	say("open")
	for range 4 {
		all.Go(func() {
			for {
				if err := oneWork(e, dir, say); err != nil {
					say("error", err)
					return
				}
			}
		})
	}
	all.Wait()
	return nil
}

// killConfig is how the directory is opened by everybody.
func killConfig(held string) durable.Config {
	return durable.Config{Engine: engine.Config{MaxConcurrent: 5, Containment: engine.Containment(held)}}
}

// oneWork takes one execution through its life, or leaves it alone.
func oneWork(e *durable.Engine, dir string, say func(...any)) error {
	ctx := context.Background()
	for kind, w := range works() { // in no order
		id, err := e.Execute(ctx, w.request(kind, dir))
		if err != nil {
			return err
		}
		say("accepted", id)
		switch {
		case w.hangs:
			err = e.Cancel(ctx, id, engine.Cancellation{Force: rand.IntN(2) == 0})
			if err != nil && !errors.Is(err, engine.ErrFinished) {
				return err
			}
		case rand.IntN(3) == 0:
			continue
		}
		r, err := e.Wait(ctx, id)
		if err != nil {
			return err
		}
		say("ended", id, r.Status, r.ExitCode)
	}
	return nil
}
