package engine_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/enginetest"
)

func list(t *testing.T, e engine.API, f engine.Filter) ([]engine.ID, string) {
	t.Helper()
	page, err := e.List(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	var ids []engine.ID
	for _, x := range page.Executions {
		ids = append(ids, x.ID)
	}
	return ids, page.Next
}

func TestList_IsNewestFirstWhateverEndsFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{Retention: engine.Forever}, enginetest.Scripts{"long": {Runs: time.Hour}})
		var want []engine.ID
		for i := range 30 {
			want = append(want, start(t, e, play([]string{"long", "second", "hang"}[i%3])))
			pass(time.Millisecond)
		}
		slices.Reverse(want)
		for _, after := range []time.Duration{0, time.Minute, 2 * time.Hour} {
			pass(after)
			if got, _ := list(t, e, engine.Filter{}); !slices.Equal(want, got) {
				t.Errorf("after %v (-want +got):\n%s", after, cmp.Diff(want, got))
			}
		}
	})
}

func TestList_PagesHaveEverythingOnceWhileExecutionsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxConcurrent: 3}, nil)
		var want []engine.ID
		for range 40 {
			want = append(want, start(t, e, play("second")))
			pass(time.Millisecond)
		}
		slices.Reverse(want)
		var got []engine.ID
		f := engine.Filter{Limit: 7}
		for {
			ids, next := list(t, e, f)
			got = append(got, ids...)
			if next == "" {
				break
			}
			f.After = next
			pass(time.Second) // three end, and three start
			start(t, e, play("ok"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestList_GoesOnWhenThePlaceWasCleanedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxFinished: 5}, nil)
		running := start(t, e, play("hang")) // the oldest
		pass(time.Millisecond)
		for range 5 {
			do(t, e, play("ok"))
			pass(time.Millisecond)
		}
		_, next := list(t, e, engine.Filter{Limit: 2})
		for range 5 { // the execution at the place is gone after this
			do(t, e, play("ok"))
			pass(time.Millisecond)
		}
		if got, _ := list(t, e, engine.Filter{After: next}); !slices.Equal(got, []engine.ID{running}) {
			t.Errorf("want the one that is left behind the place, %s; got %v", running, got)
		}
	})
}

func TestList_Filters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{MaxConcurrent: 2}, nil)
		var ids []engine.ID
		for i, name := range []string{"ok", "fail", "hang", "hang", "ok"} {
			r := play(name)
			r.Metadata = engine.Metadata{Source: []string{"a", "b"}[i%2], Tags: map[string]string{"i": string(rune('0' + i)), "all": "x"}}
			ids = append(ids, start(t, e, r))
			pass(time.Second)
		}
		began := get(t, e, ids[0]).AcceptedAt
		for name, c := range map[string]struct {
			f    engine.Filter
			want []int
		}{
			"completed":           {engine.Filter{Status: []engine.Status{engine.Completed}}, []int{0}},
			"failed or running":   {engine.Filter{Status: []engine.Status{engine.Failed, engine.Running}}, []int{3, 2, 1}},
			"pending":             {engine.Filter{Status: []engine.Status{engine.Pending}}, []int{4}},
			"source":              {engine.Filter{Source: "b"}, []int{3, 1}},
			"a tag":               {engine.Filter{Tags: map[string]string{"i": "2"}}, []int{2}},
			"two tags":            {engine.Filter{Tags: map[string]string{"i": "2", "all": "x"}}, []int{2}},
			"a tag of another":    {engine.Filter{Tags: map[string]string{"i": "2", "all": "y"}}, nil},
			"since is included":   {engine.Filter{Since: began.Add(3 * time.Second)}, []int{4, 3}},
			"until is not":        {engine.Filter{Until: began.Add(time.Second)}, []int{0}},
			"all of it":           {engine.Filter{Status: []engine.Status{engine.Running}, Source: "a", Since: began, Until: began.Add(time.Hour)}, []int{2}},
			"limit after filters": {engine.Filter{Source: "a", Limit: 2}, []int{4, 2}},
		} {
			var want []engine.ID
			for _, i := range c.want {
				want = append(want, ids[i])
			}
			if got, _ := list(t, e, c.f); !slices.Equal(want, got) {
				t.Errorf("%s (-want +got):\n%s", name, cmp.Diff(want, got))
			}
		}
	})
}
