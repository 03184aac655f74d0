package events_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
	"github.com/escher-dbai/cloudops-engine/events"
)

// What a caller or a command puts in a line break forges no record: one event is
// one line, in JSON and for people.
func TestLOGI03_LineBreaksForgeNoRecord(t *testing.T) {
	t.Parallel()
	const forged = "x\nlevel=ERROR msg=forged\r\x1b[2Kmore"
	var logged, shown bytes.Buffer
	count := 0
	counter := engine.EventHandlerFunc(func(events []engine.Event) { count += len(events) })
	all := []engine.EventHandler{counter, events.JSONLines(&logged), events.Console(&shown, events.ConsoleOptions{})}
	e, err := engine.New(engine.Config{
		Runner: &enginetest.Runner{Scripts: enginetest.Scripts{forged: {Prints: []enginetest.Print{{Text: "a\rb\x1b[1Ac\n"}}}}},
		Handler: engine.EventHandlerFunc(func(batch []engine.Event) {
			for _, h := range all {
				h.HandleEvents(batch)
			}
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	id, err := e.Execute(t.Context(), engine.Request{
		Command:  enginetest.Command(forged, forged),
		Metadata: engine.Metadata{Source: forged, Tags: map[string]string{"label": forged}},
		Actor:    engine.Actor{Kind: engine.Human, Name: forged},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Wait(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := e.Shutdown(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(logged.String(), "\n"); lines != count || count == 0 {
		t.Errorf("%d events are %d lines of JSON:\n%s", count, lines, &logged)
	}
	for line := range strings.Lines(logged.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not one object: %q", line)
		}
	}
	if strings.Contains(shown.String(), "\nlevel=") || strings.ContainsAny(shown.String(), "\r\x1b") {
		t.Errorf("a forged line, or a command to the terminal:\n%q", &shown)
	}
}
