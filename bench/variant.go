package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"

	"github.com/go-cmd/cmd"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// The ways to run a command. Each is measured in a process of its own, as it
// ships.
const (
	byEngine  = "engine"  // the whole public path, in a program that sets itself up as cloudops does
	byLibrary = "library" // the same in a program that set nothing
	byTable   = "table"   // the engine's own bare spawn: internal/process alone
	byNothing = "nothing" // the engine with a Runner that starts no process
	byExec    = "exec"    // os/exec, two pipes drained into two buffers
	byGoCmd   = "gocmd"   // github.com/go-cmd/cmd, buffered
)

// runFunc runs one command and returns when its end was seen. It is called from many
// goroutines.
type runFunc func(path string) error

// newVariant prepares a way to run commands.
func newVariant(name string) (runFunc, error) {
	switch name {
	case byEngine:
		cli.Prepare()
		return engineVariant(engine.Config{})
	case byLibrary:
		return engineVariant(engine.Config{})
	case byNothing:
		cli.Prepare()
		return engineVariant(engine.Config{Runner: &scripted{}})
	case byTable:
		cli.Prepare()
		return tableVariant()
	case byExec:
		return runExec, nil
	case byGoCmd:
		return runGoCmd, nil
	default:
		return nil, fmt.Errorf("there is no variant %q", name)
	}
}

func engineVariant(c engine.Config) (runFunc, error) {
	e, err := engine.New(c)
	return runOn(e), err
}

// runOn is an engine and one subscriber for each execution, who reads to the end.
func runOn(e *engine.Engine) runFunc {
	ctx := context.Background()
	return func(path string) error {
		id, err := e.Execute(ctx, engine.Request{Command: engine.Exec(path)})
		if err != nil {
			return err
		}
		last := engine.EventKind("nothing")
		for event, err := range e.Watch(ctx, id, 0) {
			if err != nil {
				return err
			}
			last = event.Kind
		}
		if last != engine.ExecutionCompleted {
			return fmt.Errorf("execution %s: the last event is %s", id, last)
		}
		return nil
	}
}

// tableVariant starts processes as the engine does, and does nothing else.
func tableVariant() (runFunc, error) {
	table, err := process.NewTable(process.Options{})
	if err != nil {
		return nil, err
	}
	forks, env := make(chan struct{}, process.ForkLimit()), os.Environ()
	return func(path string) error {
		o := &observer{done: make(chan struct{})}
		forks <- struct{}{}
		p, err := table.Start(process.Spec{Path: path, Args: []string{path}, Env: env}, o)
		<-forks
		if err != nil {
			return err
		}
		<-o.done
		p.Close()
		if o.state.Code != 0 {
			return fmt.Errorf("exit code %d", o.state.Code)
		}
		return nil
	}, nil
}

// observer waits for both ends of output and the exit.
type observer struct {
	seen  atomic.Int32
	state process.State
	done  chan struct{}
}

func (o *observer) Output(int, []byte) {}
func (o *observer) EOF(int)            { o.step() }

func (o *observer) Exited(s process.State) {
	o.state = s
	o.step()
}

func (o *observer) step() {
	if o.seen.Add(1) == 3 {
		close(o.done)
	}
}

func runExec(path string) error {
	var stdout, stderr bytes.Buffer
	c := exec.Command(path) //nolint:gosec // it is what is measured
	c.Stdout, c.Stderr = &stdout, &stderr
	return c.Run()
}

func runGoCmd(path string) error {
	status := <-cmd.NewCmd(path).Start()
	if status.Error != nil || status.Exit != 0 {
		return errors.Join(status.Error, fmt.Errorf("exit code %d", status.Exit))
	}
	return nil
}
