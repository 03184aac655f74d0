package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"time"

	"github.com/go-cmd/cmd"

	engine "github.com/escher-dbai/cloudops-engine"
)

// settle is how long a crowd may take to run.
const settle = time.Minute

// crowd is commands that live at the same time, all started by one variant.
type crowd interface {
	start(path string, n int) error // returns when n more run
	live() (int, error)
	end() error // kills all, and returns when the end of each was seen
}

// newCrowd is for n commands.
func newCrowd(variant string, n int) (crowd, error) {
	switch variant {
	case byEngine:
		e, err := engine.New(engine.Config{MaxConcurrent: n})
		return &engineCrowd{e, make([]engine.ID, 0, n)}, err
	case byExec:
		return &execCrowd{}, nil
	case byGoCmd:
		return &goCmdCrowd{}, nil
	default:
		return nil, fmt.Errorf("there is no crowd %q", variant)
	}
}

// engineCrowd is executions that nobody watches.
type engineCrowd struct {
	engine *engine.Engine
	ids    []engine.ID
}

func (c *engineCrowd) start(path string, n int) error {
	ctx, cancel := context.WithTimeout(context.Background(), settle)
	defer cancel()
	for range n {
		id, err := c.engine.Execute(ctx, engine.Request{Command: engine.Exec(path)})
		if err != nil {
			return err
		}
		c.ids = append(c.ids, id)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if running, err := c.engine.RunningCount(ctx); err != nil || running == len(c.ids) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("not all run")
		}
	}
}

func (c *engineCrowd) live() (int, error) { return c.engine.RunningCount(context.Background()) }

func (c *engineCrowd) end() error {
	ctx := context.Background()
	for _, id := range c.ids {
		if err := c.engine.Cancel(ctx, id, engine.Cancellation{Force: true}); err != nil {
			return err
		}
	}
	return c.engine.Shutdown(ctx)
}

// execCrowd is what a program does that uses os/exec: one goroutine a command.
type execCrowd struct {
	commands []*exec.Cmd
	waiting  sync.WaitGroup
}

func (c *execCrowd) start(path string, n int) error {
	for range n {
		command := exec.Command(path)
		command.Stdout, command.Stderr = discard{}, discard{}
		if err := command.Start(); err != nil {
			return err
		}
		c.commands = append(c.commands, command)
		c.waiting.Go(func() { _ = command.Wait() }) // it is killed
	}
	return nil
}

func (c *execCrowd) live() (int, error) { return len(c.commands), nil }

func (c *execCrowd) end() error {
	for _, command := range c.commands {
		if err := command.Process.Kill(); err != nil {
			return err
		}
	}
	c.waiting.Wait()
	return nil
}

// discard is a writer that is no file, as a buffer is: os/exec makes a pipe for
// it.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// goCmdCrowd is commands of go-cmd, which has its own goroutines.
type goCmdCrowd struct {
	commands []*cmd.Cmd
	done     []<-chan cmd.Status
}

func (c *goCmdCrowd) start(path string, n int) error {
	for range n {
		command := cmd.NewCmd(path)
		c.commands, c.done = append(c.commands, command), append(c.done, command.Start())
		for command.Status().StartTs == 0 { // Start returns before it runs
			time.Sleep(100 * time.Microsecond)
		}
	}
	return nil
}

func (c *goCmdCrowd) live() (int, error) { return len(c.commands), nil }

func (c *goCmdCrowd) end() error {
	for _, command := range c.commands {
		if err := command.Stop(); err != nil {
			return err
		}
	}
	for _, done := range c.done {
		<-done
	}
	return nil
}
