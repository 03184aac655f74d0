package events_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/events"
)

func TestFilter_Selects(t *testing.T) {
	t.Parallel()
	missedOf := func(n byte) engine.Event { return engine.Event{Kind: engine.EventsMissed, ExecutionID: id(n)} }
	given := []engine.Event{line(1, 1), line(2, 1), ended(1, 2), missedOf(1), missedOf(2), missedOf(0)}
	for _, tt := range []struct {
		name string
		s    events.Select
		want []int // of given
	}{
		{"all", events.Select{}, []int{0, 1, 2, 3, 4, 5}},
		{"endings", events.Select{Kinds: events.Endings()}, []int{2, 3, 4, 5}},
		{"one execution", events.Select{IDs: []engine.ID{id(1)}}, []int{0, 2, 3, 5}},
		{"both", events.Select{Kinds: []engine.EventKind{engine.StdoutWritten}, IDs: []engine.ID{id(2)}}, []int{1, 4, 5}},
		{"nothing", events.Select{IDs: []engine.ID{id(7)}}, []int{5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{}
			events.Filter(r, tt.s).HandleEvents(given)
			var want []engine.Event
			for _, i := range tt.want {
				want = append(want, given[i])
			}
			if diff := cmp.Diff(want, r.all()); diff != "" {
				t.Errorf("what passed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFilter_DoesNotCallForNothing(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	h := events.Filter(r, events.Select{Kinds: events.Endings()})
	h.HandleEvents(lines(1, 1, 3))
	if r.calls != 0 {
		t.Errorf("the handler was called %d times, want 0", r.calls)
	}
}

func TestEndings_AreAllTerminalKinds(t *testing.T) {
	t.Parallel()
	for _, kind := range events.Endings() {
		if !kind.Terminal() {
			t.Errorf("%s is no ending", kind)
		}
	}
	for _, status := range []engine.Status{
		engine.Completed, engine.Failed, engine.Cancelled, engine.TimedOut, engine.Rejected, engine.Lost,
	} {
		r := &recorder{}
		events.Filter(r, events.Select{Kinds: events.Endings()}).HandleEvents([]engine.Event{{Kind: engine.EventKind(status)}})
		if r.calls == 0 {
			t.Errorf("the ending %s is not among Endings", status)
		}
	}
}

// directory is an engine that knows executions and nothing else.
type directory struct {
	engine.API
	tags    map[engine.ID]map[string]string
	lookups map[engine.ID]int
}

func (d *directory) Get(_ context.Context, id engine.ID) (engine.Execution, error) {
	d.lookups[id]++
	tags, ok := d.tags[id]
	if !ok {
		return engine.Execution{}, engine.ErrExpired
	}
	return engine.Execution{ID: id, Metadata: engine.Metadata{Tags: tags}}, nil
}

func TestFilterTags_LooksUpOncePerExecution(t *testing.T) {
	t.Parallel()
	d := &directory{lookups: make(map[engine.ID]int), tags: map[engine.ID]map[string]string{
		id(1): {"env": "prod", "team": "a"},
		id(2): {"env": "test"},
		id(3): {},
	}}
	r := &recorder{}
	h := events.FilterTags(r, map[string]string{"env": "prod"}, func() engine.API { return d })
	for n := range byte(5) { // 0 is of no execution, 4 is no longer known
		h.HandleEvents([]engine.Event{line(n, 1), line(n, 2)})
	}
	h.HandleEvents([]engine.Event{ended(1, 3), ended(2, 3), ended(4, 3), {Kind: engine.EventsMissed}})
	want := []summary{
		{1, engine.StdoutWritten, 1, 0},
		{1, engine.StdoutWritten, 2, 0},
		{4, engine.EventsMissed, 1, 0},
		{1, engine.ExecutionCompleted, 3, 0},
		{0, engine.EventsMissed, 0, 0},
	}
	if diff := cmp.Diff(want, r.summaries()); diff != "" {
		t.Errorf("what passed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[engine.ID]int{id(1): 1, id(2): 1, id(3): 1, id(4): 1}, d.lookups); diff != "" {
		t.Errorf("lookups (-want +got):\n%s", diff)
	}
	h.HandleEvents([]engine.Event{line(1, 4)})
	if got := d.lookups[id(1)]; got != 2 {
		t.Errorf("after the ending %d lookups, want 2: the tags were to be forgotten", got)
	}
}

func TestFilterTags_WithoutEngineTells(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	h := events.FilterTags(r, nil, nil)
	h.HandleEvents(append(lines(1, 1, 3), ended(1, 4)))
	all := r.all()
	if len(all) != 1 || all[0].Kind != engine.EventsMissed || all[0].Missed.Executions != 1 {
		t.Errorf("the handler got %+v, want one EventsMissed", all)
	}
}
