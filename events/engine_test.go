package events_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/events"
)

// TestHandlers_OfAnEngine has all handlers hear of real executions, and reads from
// each what a user would.
func TestHandlers_OfAnEngine(t *testing.T) {
	t.Parallel()
	var console, log, prod bytes.Buffer
	meter := events.Metrics()
	var e *engine.Engine
	tagged := events.FilterTags(events.JSONLines(&prod), map[string]string{"env": "prod"}, func() engine.API { return e })
	fan := events.FanOut(
		events.Console(&console, events.ConsoleOptions{}),
		events.Buffer(events.JSONLines(&log), events.BufferOptions{Policy: events.Block}),
		events.Filter(tagged, events.Select{Kinds: events.Endings()}),
		meter,
	)
	e, err := engine.New(engine.Config{Handler: fan, Logger: silent()})
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range []string{"prod", "test"} {
		_, err := e.Execute(t.Context(), engine.Request{
			Command:  engine.Shell("echo from " + env + "; exit 3"),
			Metadata: engine.Metadata{Tags: map[string]string{"env": env}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := e.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	closed(t, fan)

	if got := strings.Count(console.String(), "out: from ") + strings.Count(console.String(), ": exit code 3\n"); got != 4 {
		t.Errorf("the console shows:\n%s", console.String())
	}
	all := parse(t, log.String())
	if len(all) != 12 { // accepted, status_changed, started, stdout, status_changed, failed of each
		t.Errorf("the log has %d events:\n%s", len(all), log.String())
	}
	ended := parse(t, prod.String())
	if len(ended) != 1 || ended[0].Result.Stdout != "from prod\n" {
		t.Errorf("of tag env=prod ended:\n%s", prod.String())
	}
	s := meter.Snapshot()
	if s.Ended[events.Outcome{Status: engine.Failed, Cause: engine.CauseExit}] != 2 || s.Running != 0 || s.Output.StdoutLines != 2 {
		t.Errorf("metrics: %+v", s)
	}
}
