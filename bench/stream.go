package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-cmd/cmd"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

// The ways to read one fast producer.
const (
	byRaw        = "raw"         // read(2) of 64 KiB, which looks at nothing
	byHop        = "hop"         // Go's own reading of a pipe, and one hand-over to another goroutine
	byFollower   = "follower"    // the engine, and a reader of Output that counts newlines
	byMasked     = "masked"      // the same with redaction: the default, and a hundred secrets
	byLines      = "lines"       // the engine, and a reader of Watch: a line an event
	byTee        = "tee"         // the engine, and a tee that counts newlines
	byGoCmdLines = "gocmd-lines" // go-cmd, streaming
)

// streamFunc reads what a producer writes to its end, and returns how long each
// line was under way, if it says when it was written.
type streamFunc func(what string) ([]time.Duration, error)

// skipped is how many bytes readers were told that they were too late for.
var skipped atomic.Int64 //nolint:gochecknoglobals // a worker is one variant

// newStream prepares a way to read a producer; nil for a variant that is none.
func newStream(name string) (streamFunc, error) {
	switch name {
	case byRaw:
		return readRaw, nil
	case byHop:
		return readAndHandOver, nil
	case byGoCmdLines:
		return readGoCmd, nil
	case byFollower, byTee, byLines:
		return newReading(name, engine.Request{CleanEnv: true, Redact: engine.RedactValues})
	case byMasked:
		return newReading(byFollower, engine.Request{Secrets: hundredSecrets()})
	default:
		return nil, nil //nolint:nilnil // a variant of another kind
	}
}

func hundredSecrets() []string {
	var all []string
	for i := range 100 {
		all = append(all, fmt.Sprintf("s3cr3t-%04d-%x", i*7919, i*i+12345))
	}
	return all
}

// producer is the command of a producer.
func producer(what string) (path string, args []string) {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return self, []string{producerFlag, what}
}

// readRaw is what there is to reach.
func readRaw(what string) (late []time.Duration, err error) {
	path, args := producer(what)
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	c := exec.Command(path, args...) //nolint:gosec // it is this program
	c.Stdout = w
	if err := c.Start(); err != nil {
		return nil, err
	}
	_ = w.Close()
	fd, buffer, total := int(r.Fd()), make([]byte, pipeBytes), int64(0) // Fd makes it block
	see := watcherOf(what, &late)
	for {
		n, err := syscall.Read(fd, buffer)
		if n <= 0 {
			return late, errors.Join(err, c.Wait(), complete(what, total))
		}
		total += int64(n)
		if see != nil {
			if err := see(buffer[:n]); err != nil {
				return nil, err
			}
		}
	}
}

// readAndHandOver is the least that a program does in Go that looks after a pipe and
// gives what comes to somebody else.
func readAndHandOver(what string) (late []time.Duration, err error) {
	path, args := producer(what)
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	c := exec.Command(path, args...) //nolint:gosec // it is this program
	c.Stdout = w
	if err := c.Start(); err != nil {
		return nil, err
	}
	_ = w.Close()
	pieces := make(chan []byte)
	go func() {
		defer close(pieces)
		for buffer := make([]byte, pipeBytes); ; {
			n, err := r.Read(buffer)
			if err != nil {
				return
			}
			pieces <- bytes.Clone(buffer[:n])
		}
	}()
	see := watcherOf(what, &late)
	for p := range pieces {
		if err := see(p); err != nil {
			return nil, err
		}
	}
	return late, c.Wait()
}

// watcherOf takes the pieces of a ticking producer; nil for others.
func watcherOf(what string, late *[]time.Duration) func(p []byte) error {
	if what[:len(ticking)] != ticking {
		return nil
	}
	return func(p []byte) error {
		for line := range bytes.Lines(p) {
			if line = bytes.TrimSuffix(line, []byte{'\n'}); len(line) != tickBytes {
				continue // cut in two by the end of a chunk
			}
			d, err := sinceWritten(line)
			if err != nil {
				return err
			}
			*late = append(*late, d)
		}
		return nil
	}
}

// complete reports bytes that are missing.
func complete(what string, total int64) error {
	if want := amountOf(what); what[:len(ticking)] != ticking && total != want {
		return fmt.Errorf("%s: %d bytes came", what, total)
	}
	return nil
}

func readGoCmd(what string) (late []time.Duration, err error) {
	path, args := producer(what)
	c := cmd.NewCmdOptions(cmd.Options{Streaming: true}, path, args...)
	done := c.Start()
	total := int64(0)
	see := watcherOf(what, &late)
	for line := range c.Stdout { // go-cmd closes it when the command has ended
		total += int64(len(line)) + 1
		if see != nil {
			if err := see([]byte(line)); err != nil {
				return nil, err
			}
		}
	}
	if status := <-done; status.Error != nil {
		return nil, status.Error
	}
	return late, complete(what, min(total, amountOf(what))) // it ends with an empty line of its own
}

// newReading is an engine, and one who reads.
func newReading(how string, r engine.Request) (streamFunc, error) {
	cli.Prepare()
	e, err := engine.New(engine.Config{})
	if err != nil {
		return nil, err
	}
	return func(what string) ([]time.Duration, error) {
		path, args := producer(what)
		r := r
		r.Command = engine.Exec(path, args...)
		p := &reading{engine: e, total: 0}
		p.see = watcherOf(what, &p.late)
		if how == byTee {
			r.Tee = func(_ engine.Stream, b []byte) { p.take(b) }
		}
		id, err := e.Execute(context.Background(), r)
		if err == nil {
			err = p.read(how, id)
		}
		result, failed := e.Wait(context.Background(), id)
		if err == nil && !result.Success {
			err = fmt.Errorf("%s: %s", what, result.Error)
		}
		return p.late, errors.Join(err, failed, complete(what, p.total))
	}, nil
}

// reading is one reader of one execution.
type reading struct {
	engine   *engine.Engine
	late     []time.Duration
	see      func([]byte) error
	err      error
	total    int64
	newlines int
}

func (p *reading) take(b []byte) {
	p.total += int64(len(b))
	p.newlines += bytes.Count(b, []byte{'\n'})
	if p.see != nil && p.err == nil {
		p.err = p.see(b)
	}
}

func (p *reading) read(how string, id engine.ID) error {
	ctx := context.Background()
	switch how {
	case byFollower:
		for o, err := range p.engine.Output(ctx, id, 0) {
			if err != nil {
				return err
			}
			p.take(o.Data)
			p.skip(o.Skipped)
		}
	case byLines:
		for ev, err := range p.engine.Watch(ctx, id, 0) {
			switch {
			case err != nil:
				return err
			case ev.Kind == engine.StdoutWritten && !ev.Partial:
				p.line(&ev)
			case ev.Kind == engine.OutputSkipped:
				p.skip(ev.Gap.Bytes)
			}
		}
	}
	return p.err
}

func (p *reading) line(ev *engine.Event) {
	p.total += int64(len(ev.Line))
	if !ev.Continues && !ev.Unended {
		p.total++
	}
	if p.see != nil && p.err == nil {
		p.err = p.see(ev.Line)
	}
}

func (p *reading) skip(n int64) {
	p.total += n
	skipped.Add(n)
}
