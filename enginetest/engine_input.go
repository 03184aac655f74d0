package enginetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

func inputCases() []one {
	return []one{
		{"WritesStdin", "what is written to the stdin of an interactive execution reaches it, until stdin is closed", writesStdin},
		{"StdinIsNotOpen", "a stdin that nobody asked for, or that was closed, is ErrNoStdin, and after the end it is ErrFinished", stdinIsNotOpen},
		{"StdinWaitsForItsReader", "a write that nobody reads waits until its context is done, and hurts nobody", stdinWaits},
		{"HasATerminal", "a terminal is stdin, stdout and stderr in one stream, of the size that was asked for", hasATerminal},
		{"Resizes", "a new size reaches the program, and is an event", resizes},
		{"Extends", "more time is given up to the maximum, and is an event", extends},
		{"ExtendsNothing", "a time that is none, too much of it, and an execution that has ended are refused", extendsNothing},
	}
}

func (b *bench) write(t *testing.T, id engine.ID, text string) {
	t.Helper()
	n, err := b.WriteStdin(patient(t), id, []byte(text))
	if n != len(text) || err != nil {
		t.Errorf("write %q: %d bytes, %v", text, n, err)
	}
}

func (b *bench) closeStdin(t *testing.T, id engine.ID) {
	t.Helper()
	if err := b.CloseStdin(patient(t), id); err != nil {
		t.Errorf("close stdin: %v", err)
	}
}

func writesStdin(b *bench) {
	t := b.t
	request := sh(`read line; echo "got $line"; cat; echo done`)
	request.Interactive = true
	id := b.start(t, request)
	b.write(t, id, "one\n")
	b.until(t, id, printed("got one"))
	b.write(t, id, "two\n")
	b.write(t, id, "")
	b.closeStdin(t, id)
	r := b.end(t, id)
	want(t, "status", engine.Completed, r.Status)
	want(t, "stdout", "got one\ntwo\ndone\n", r.Stdout)
}

func stdinIsNotOpen(b *bench) {
	t := b.t
	g := newGate(t)
	wants := func(what string, id engine.ID, wanted error) {
		_, err := b.WriteStdin(patient(t), id, []byte("x"))
		if !errors.Is(err, wanted) {
			t.Errorf("%s: write: want %v, got %v", what, wanted, err)
		}
		if err := b.CloseStdin(patient(t), id); !errors.Is(err, wanted) {
			t.Errorf("%s: close: want %v, got %v", what, wanted, err)
		}
	}
	plain := b.start(t, sh(awaitGate, string(g)))
	wants("not interactive", plain, engine.ErrNoStdin)
	if err := b.Resize(patient(t), plain, engine.TerminalSize{}); !errors.Is(err, engine.ErrNoTerminal) {
		t.Errorf("resize: want ErrNoTerminal, got %v", err)
	}
	request := sh(awaitGate, string(g))
	request.Interactive = true
	id := b.start(t, request)
	b.closeStdin(t, id)
	wants("closed", id, engine.ErrNoStdin)
	g.open(t)
	b.end(t, plain)
	b.end(t, id)
	wants("ended", id, engine.ErrFinished)
	if err := b.Resize(patient(t), id, engine.TerminalSize{}); !errors.Is(err, engine.ErrFinished) {
		t.Errorf("resize after the end: want ErrFinished, got %v", err)
	}
}

func stdinWaits(b *bench) {
	t := b.t
	g := newGate(t)
	request := sh(awaitGate+`exec cat >/dev/null`, string(g))
	request.Interactive = true
	id := b.start(t, request)
	ctx, cancel := context.WithTimeout(patient(t), 200*time.Millisecond)
	defer cancel()
	n, err := b.WriteStdin(ctx, id, make([]byte, 8<<20))
	if !errors.Is(err, context.DeadlineExceeded) || n >= 8<<20 {
		t.Errorf("want the context's error and less than all taken, got %d, %v", n, err)
	}
	g.open(t)
	b.write(t, id, "and now it reads\n")
	b.closeStdin(t, id)
	want(t, "status", engine.Completed, b.end(t, id).Status)
}

// terminal starts a line of sh on a terminal, where there are any.
func (b *bench) terminal(t *testing.T, line string) engine.ID {
	t.Helper()
	request := sh(line)
	request.Terminal = &engine.TerminalSize{Rows: 30}
	id, err := b.Execute(patient(t), request)
	if errors.Is(err, engine.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func hasATerminal(b *bench) {
	t := b.t
	id := b.terminal(t, `test -t 0 && test -t 1 && test -t 2 && echo terminal >&2; stty size; echo $TERM; stty -echo; echo ready; read line; echo "got $line"; cat`)
	b.until(t, id, printed("ready\r"))
	b.write(t, id, "yes\n")
	b.until(t, id, printed("got yes\r"))
	b.closeStdin(t, id)
	r := b.end(t, id)
	want(t, "status", engine.Completed, r.Status)
	want(t, "stdout", strings.ReplaceAll("terminal\n30 80\nxterm-256color\nready\ngot yes\n", "\n", "\r\n"), r.Stdout)
	want(t, "stderr", "", r.Stderr)
}

func resizes(b *bench) {
	t := b.t
	id := b.terminal(t, `trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.02; done`)
	b.until(t, id, printed("ready\r"))
	size := engine.TerminalSize{Rows: 50, Cols: 132}
	for range 2 { // the second is no change
		if err := b.Resize(patient(t), id, size); err != nil && !errors.Is(err, engine.ErrFinished) {
			t.Fatal(err)
		}
	}
	want(t, "stdout", "ready\r\n50 132\r\n", b.end(t, id).Stdout)
	var resized []engine.Event
	for _, ev := range b.events(t, id, 0) {
		if ev.Kind == engine.TerminalResized {
			resized = append(resized, ev)
		}
	}
	if len(resized) != 1 || resized[0].Size != size {
		t.Errorf("want one event of %v, got %+v", size, resized)
	}
}

func extends(b *bench) {
	t := b.t
	g := newGate(t)
	request := sh(awaitGate, string(g))
	request.Timeout = 10 * time.Minute
	id := b.start(t, request)
	b.until(t, id, started)
	ctx := patient(t)
	before, err := b.Get(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(before.Deadline); left <= 0 || left > request.Timeout {
		t.Errorf("want a deadline within %v, got %v", request.Timeout, before.Deadline)
	}
	deadline, err := b.Extend(ctx, id, 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "the deadline", before.Deadline.Add(5*time.Minute), deadline)
	after, err := b.Get(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "the deadline in Get", deadline, after.Deadline)
	g.open(t)
	b.end(t, id)
	var told []time.Time
	for _, ev := range b.events(t, id, 0) {
		if ev.Kind == engine.DeadlineExtended {
			told = append(told, ev.Deadline)
		}
	}
	if len(told) != 1 || !told[0].Equal(deadline) {
		t.Errorf("want one event with %v, got %v", deadline, told)
	}
	last, err := b.Get(ctx, id)
	if err != nil || !last.Deadline.IsZero() {
		t.Errorf("after the end: want no deadline, got %v, %v", last.Deadline, err)
	}
}

func extendsNothing(b *bench) {
	t := b.t
	g := newGate(t)
	id := b.start(t, sh(awaitGate, string(g)))
	for by, wanted := range map[time.Duration]error{
		0: engine.ErrInvalid, -time.Second: engine.ErrInvalid, 1000 * time.Hour: engine.ErrTimeoutTooLarge, engine.Forever: engine.ErrTimeoutTooLarge,
	} {
		if _, err := b.Extend(patient(t), id, by); !errors.Is(err, wanted) || !errors.Is(err, engine.ErrInvalid) {
			t.Errorf("by %v: want %v, got %v", by, wanted, err)
		}
	}
	g.open(t)
	b.end(t, id)
	if _, err := b.Extend(patient(t), id, time.Second); !errors.Is(err, engine.ErrFinished) {
		t.Errorf("after the end: want ErrFinished, got %v", err)
	}
}
