package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/go-cmd/cmd"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Who gets how long: the engine from TERM to KILL and after the exit, os/exec
// after its kill. go-cmd has no such setting.
const patience = time.Second

// verdict is what a peer says of a command that ended.
type verdict struct {
	text    string
	success bool
}

// command is one that runs.
type command struct {
	stop func()
	done <-chan verdict
}

// peer is a way to run a line of bash with a mark in its environment.
type peer struct {
	name  string
	start func(line, mark string) (command, error)
}

// peers are the three, ours first, once for each containment.
func peers(held []engine.Containment) (all []peer, stop func(), err error) {
	var engines []*engine.Engine
	stop = func() {
		for _, e := range engines {
			_ = e.Shutdown(context.Background()) // nothing runs any more
		}
	}
	for _, c := range held {
		e, err := engine.New(engine.Config{Grace: patience, WaitDelay: patience, Containment: c})
		if err != nil {
			stop()
			return nil, nil, err
		}
		engines = append(engines, e)
		all = append(all, peer{"engine, " + string(c), byEngine(e)})
	}
	return append(all, peer{"go-cmd, Stop", byGoCmd}, peer{"os/exec, WaitDelay", byExec}), stop, nil
}

func byEngine(e *engine.Engine) func(line, mark string) (command, error) {
	return func(line, mark string) (command, error) {
		ctx := context.Background()
		id, err := e.Execute(ctx, engine.Request{
			Command: engine.Exec("bash", "-c", line), Env: map[string]string{markVariable: mark},
		})
		if err != nil {
			return command{}, err
		}
		done := make(chan verdict, 1)
		go func() {
			r, err := e.Wait(ctx, id)
			done <- verdictOf(r, err)
		}()
		return command{stop: func() { _ = e.Cancel(ctx, id, engine.Cancellation{}) }, done: done}, nil
	}
}

func verdictOf(r engine.Result, err error) verdict {
	if err != nil {
		return verdict{text: err.Error()}
	}
	text := fmt.Sprintf("%s, exit %d", r.Status, r.ExitCode)
	if r.Signal != "" {
		text = fmt.Sprintf("%s, %s", r.Status, r.Signal)
	}
	if r.OutputIncomplete {
		text += ", output incomplete"
	}
	return verdict{text, r.Success}
}

func byGoCmd(line, mark string) (command, error) {
	c := cmd.NewCmd("bash", "-c", line)
	c.Env = environment(mark)
	ended := c.Start()
	done := make(chan verdict, 1)
	go func() {
		s := <-ended
		text := fmt.Sprintf("exit %d", s.Exit)
		if s.Error != nil {
			text += ", " + s.Error.Error()
		}
		done <- verdict{text, s.Exit == 0 && s.Error == nil}
	}()
	return command{stop: func() { _ = c.Stop() }, done: done}, nil
}

func byExec(line, mark string) (command, error) {
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, "bash", "-c", line)
	var out bytes.Buffer
	c.Env, c.Stdout, c.Stderr, c.WaitDelay = environment(mark), &out, &out, patience
	if err := c.Start(); err != nil {
		cancel()
		return command{}, err
	}
	done := make(chan verdict, 1)
	go func() {
		err := c.Wait()
		cancel()
		text := fmt.Sprintf("exit %d", c.ProcessState.ExitCode())
		if err != nil {
			text += ", " + err.Error()
		}
		done <- verdict{text, err == nil}
	}()
	return command{stop: cancel, done: done}, nil
}

func environment(mark string) []string { return append(os.Environ(), markVariable+"="+mark) }
