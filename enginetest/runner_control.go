package enginetest

import (
	"errors"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

func controlCases() []one {
	return []one{
		{"TakesStdin", "Stdin writes to an interactive execution and ends what it reads", writesStdin},
		{"StdinWaitsForItsReader", "a write waits for its reader no longer than its context", stdinWaits},
		{"GivesATerminal", "Launch.Terminal is stdin, stdout and stderr in one stream", hasATerminal},
		{"ResizesTheTerminal", "Resize reaches the program", resizes},
		{"ExtendsTheTimeout", "Extend moves the end by Timeout, and says when it is too late for that", extendsTheTimeout},
		{"ControlsNothingAfterTheEnd", "what is asked of an execution after its end fails, and neither hangs nor panics", controlsNothing},
	}
}

func extendsTheTimeout(b *bench) {
	t := b.t
	request := sh("sleep 2.2; echo late")
	request.Timeout = 2 * time.Second
	id := b.start(t, request)
	b.until(t, id, started)
	if !b.spy.controlOf(t, id).Extend(time.Minute) {
		t.Error("Extend says that it comes too late")
	}
	r := b.end(t, id)
	want(t, "status", engine.Completed, r.Status)
	want(t, "stdout", "late\n", r.Stdout)
	if b.spy.controlOf(t, id).Extend(time.Hour) {
		t.Error("Extend after the end says that it makes a difference")
	}
}

func controlsNothing(b *bench) {
	t := b.t
	request := sh("exit 0")
	request.Interactive = true
	id := b.start(t, request)
	b.end(t, id)
	control := b.spy.controlOf(t, id)
	if in := control.Stdin(); in != nil {
		if _, err := in.Write(patient(t), []byte("x")); !errors.Is(err, engine.ErrNoStdin) {
			t.Errorf("write: want ErrNoStdin, got %v", err)
		}
		if err := in.Close(patient(t)); !errors.Is(err, engine.ErrNoStdin) {
			t.Errorf("close: want ErrNoStdin, got %v", err)
		}
	}
	if err := control.Resize(engine.TerminalSize{Rows: 1, Cols: 1}); !errors.Is(err, engine.ErrNoTerminal) {
		t.Errorf("resize: want ErrNoTerminal, got %v", err)
	}
	want(t, "whether Extend makes a difference", false, control.Extend(time.Hour))
}
