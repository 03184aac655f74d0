package sidecar_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/sidecar"
)

// With its host what was started ends. Who waits is told so before.
func TestServe_CancelsWhatRunsWhenStdinEnds(t *testing.T) {
	t.Parallel()
	h := start(t)
	ids := []string{h.shell("sleep 100"), h.shell("sleep 100")}
	h.call(nil, "Watch", `{"executions":[{"id":%q}],"without_output":true}`, ids[0])
	wait := h.ask("Wait", `{"id":%q}`, ids[1])
	rest := strings.Join(h.end(), "\n")
	for _, want := range []string{
		fmt.Sprintf(`"id":%s,"result":{"result":{`, wait), `"event_type":"cancelled"`, `{"jsonrpc":"2.0","method":"end","params":{"subscription":1}}`,
	} {
		if !strings.Contains(strings.ReplaceAll(rest, ", ", ","), want) {
			t.Errorf("nothing says %s:\n%s", want, rest)
		}
	}
	for _, id := range ids {
		x, err := h.Get(t.Context(), parse(t, id))
		if err != nil || x.Status != engine.Cancelled {
			t.Errorf("%s is %s: %v", id, x.Status, err)
		}
	}
}

// What is left goes on, and who waits is told that we go.
func TestServe_LeavesWhatRuns(t *testing.T) {
	t.Parallel()
	h := start(t, func(c *sidecar.Config) { c.OnExit = sidecar.Leave })
	id := h.shell("sleep 100")
	h.call(nil, "Watch", `{"executions":[{"id":%q}]}`, id)
	wait := h.ask("Wait", `{"id":%q}`, id)
	said := map[string]string{}
	for _, line := range h.end() {
		var f struct {
			frame
			Params struct{ Error *struct{ Code string } } `json:"params"`
		}
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		if f.Error != nil {
			said[string(f.ID)] = f.Error.Data.Code
		} else if f.Params.Error != nil {
			said[f.Method] = f.Params.Error.Code
		}
	}
	if said[wait] != "closed" || said["end"] != "closed" {
		t.Errorf("who waits is told %v", said)
	}
	if x, err := h.Get(t.Context(), parse(t, id)); err != nil || x.Status != engine.Running {
		t.Errorf("it is %s: %v", x.Status, err)
	}
}

// Who is told to end ends as with stdin, and another word kills what does not.
func TestServe_HurriesWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	told, tell := context.WithCancel(t.Context())
	hurry := make(chan struct{})
	h := start(t, func(c *sidecar.Config) {
		c.Hurry = hurry
		serve := c.Engine
		c.Engine = &ending{serve, tell}
	})
	id := h.shell(`trap "" TERM; echo ready; while :; do sleep 1; done`)
	h.call(nil, "Watch", `{"executions":[{"id":%q}]}`, id)
	for ready := false; !ready; {
		_, b := h.batch()
		for _, ev := range b.Body.Events {
			ready = ready || ev.Line == "ready"
		}
	}
	go func() {
		<-told.Done() // it was asked to end, once
		close(hurry)
	}()
	h.end()
	r, err := h.Result(t.Context(), parse(t, id))
	if err != nil || r.Status != engine.Cancelled || r.Signal != "KILL" {
		t.Errorf("it is %s by %s: %v", r.Status, r.Signal, err)
	}
}

// ending is an engine that says when somebody was asked to end.
type ending struct {
	engine.API

	told func()
}

// Cancel asks one to end.
func (e *ending) Cancel(ctx context.Context, id engine.ID, c engine.Cancellation) error {
	defer e.told()
	return e.API.Cancel(ctx, id, c)
}

// Where nobody reads any more, what runs ends as well, be it that stdin stays open.
func TestServe_EndsWhenNobodyReads(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.shell("while :; do echo on; sleep 0.01; done")
	h.call(nil, "Watch", `{"executions":[{"id":%q}]}`, id)
	if err := h.out.CloseWithError(errGone); err != nil {
		t.Fatal(err)
	}
	if err := <-h.served; !errors.Is(err, errGone) {
		t.Errorf("it ends with %v", err)
	}
	h.ended = true
	if r, err := h.Result(t.Context(), parse(t, id)); err != nil || r.Status != engine.Cancelled {
		t.Errorf("it is %s: %v", r.Status, err)
	}
}

var errGone = errors.New("the host has gone")

// A host that reads nothing holds nothing up for long.
func TestServe_EndsWithAHostThatReadsNothing(t *testing.T) {
	t.Parallel()
	h := start(t)
	for range 20 {
		h.ask("Execute", `{"command":{"type":"shell","command":"sleep 100","shell":"sh"}}`)
	}
	if err := h.in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-h.served; err != nil {
		t.Error(err)
	}
	h.ended = true
	if n, err := h.RunningCount(t.Context()); err != nil || n > 0 {
		t.Errorf("%d run: %v", n, err)
	}
}

func parse(t *testing.T, id string) engine.ID {
	t.Helper()
	parsed, err := engine.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// Lines of the original's bridge are answered in its form, and run to their end.
func TestBare_AnswersAsTheBridgeDid(t *testing.T) {
	t.Parallel()
	h := start(t)
	const own = "5f0c8d9e-3b1a-4c2d-8e7f-a1b2c3d4e5f6"
	h.write(
		`{"id":"`+own+`","command":{"type":"shell","command":"printf 'prompt: '; sleep 0.3; echo done; exit 3"},"metadata":{"source":"chat","tags":{}}}`,
		`{"command":{"type":"exec","program":"no-such-program"},"id":"`+nobody+`"}`,
		`{"command":{"type":"exec","program":"echo","args":["hi"]},"colour":"red"}`,
	)
	var kinds, errs []string
	for _, line := range h.end() {
		var l struct {
			Type    string
			Payload struct {
				Event  string `json:"event_type"`
				Line   string
				ID     string
				Of     string `json:"execution_id"`
				Code   string
				Stdout string
				Exit   int `json:"exit_code"`
				Cursor int
			}
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		p := l.Payload
		switch l.Type {
		case "event":
			kinds = append(kinds, p.Event+p.Line)
			if p.Of != own || p.Cursor == 0 {
				t.Errorf("an event of %s at %d", p.Of, p.Cursor)
			}
		case "result":
			kinds = append(kinds, fmt.Sprint(p.ID == own, p.Stdout, p.Exit))
		case "error":
			errs = append(errs, p.Code+" "+p.ID)
		}
	}
	if got, want := strings.Join(kinds, ", "), "status_changed, started, stdoutprompt: done, status_changed, failed, trueprompt: done\n3"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	if len(errs) != 2 || !strings.Contains(strings.Join(errs, ", "), "program_not_found "+nobody) {
		t.Errorf("errors are %q", errs)
	}
}
