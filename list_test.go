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

// What the other filters of a list choose is proven by enginetest.TestStore; that
// they reach the engine's own list is proven here.
func TestList_ChoosesByEveryField(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := scripted(t, engine.Config{}, nil)
		conversation := engine.ID{7}
		special := play("fail", "--special")
		special.Metadata = engine.Metadata{Source: "chat", ConversationID: conversation, Tags: map[string]string{"a": "b"}}
		first := do(t, e, play("ok")).ID
		pass(time.Millisecond)
		want := do(t, e, special).ID
		pass(time.Millisecond)
		running := start(t, e, play("hang"))
		three := 3
		for name, f := range map[string]engine.Filter{
			"status": {Status: []engine.Status{engine.Failed}}, "source": {Source: "chat"}, "conversation": {ConversationID: conversation},
			"tag": {Tags: map[string]string{"a": "b"}}, "exit code": {ExitCode: &three}, "text": {Text: "--special"},
			"type and text": {Type: []engine.CommandType{engine.CommandTypeExec}, Text: "special"},
		} {
			f.Total = true
			page, err := e.List(t.Context(), f)
			if err != nil || page.Total != 1 || len(page.Executions) != 1 || page.Executions[0].ID != want {
				t.Errorf("%s: want %s alone, got %+v, %v", name, want, page, err)
			}
		}
		all := []engine.ID{first, want, running}
		x, err := e.Get(t.Context(), want)
		if err != nil || x.Program() == "" {
			t.Fatalf("the program is %q, %v", x.Program(), err)
		}
		for program, n := range map[string]int{x.Program(): 3, "another": 0} {
			if got, _ := list(t, e, engine.Filter{Program: program}); len(got) != n {
				t.Errorf("%d run %s, want %d", len(got), program, n)
			}
		}
		f := engine.Filter{Oldest: true, Limit: 1, Total: true}
		for i, id := range all {
			page, err := e.List(t.Context(), f)
			if err != nil || len(page.Executions) != 1 || page.Executions[0].ID != id || page.Total != 3 || (page.Next == "") != (i == 2) {
				t.Errorf("page %d, oldest first: want %s and a total of 3, got %+v, %v", i, id, page, err)
			}
			f.After = page.Next
		}
		if none, _ := list(t, e, engine.Filter{Type: []engine.CommandType{engine.CommandTypeAz}}); len(none) > 0 {
			t.Errorf("by a type that none has: %v", none)
		}
		minus := -1
		if none, _ := list(t, e, engine.Filter{ExitCode: &minus}); len(none) > 0 {
			t.Errorf("one that runs has no exit code yet, and is listed: %v", none)
		}
	})
}

func TestExecution_ProgramIsTheFirstWordWithoutItsFolder(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"": "", "make": "make", "/usr/bin/make all": "make", `'/opt/my tool/it'\''s' x`: "it's", "'C:\\a b\\c.exe'": "c.exe",
		"$'/opt/a\\tb' x": "tb", "'unfinished": "unfinished",
	} {
		if got := (engine.Execution{Command: line}).Program(); got != want {
			t.Errorf("%q: want %q, got %q", line, want, got)
		}
	}
}
