package enginetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

func storeNoteCases() []storeCase {
	return []storeCase{
		{"KeepsTheWholeEnding", "how it ended is there in full, but for what it wrote", keepsEnding},
		{"ChangesOnlyAsALifeGoes", "a status follows another as the life of an execution has it; the last is final", changesAsALifeGoes},
		{"KeepsAStartAndItsEndingTogether", "a whole life in one call is kept as if each step had come alone", keepsLifeTogether},
		{"KeepsTheGoodOfABatch", "one change that cannot be kept does not take the others with it", keepsTheGood},
	}
}

func keepsEnding(s *shop) {
	id := s.accept(engine.Request{Command: engine.Exec("true")})
	at := s.tick()
	full := engine.Result{
		ID: id, Status: engine.Failed, Cause: engine.CauseSignal, ExitCode: -1, Signal: "SEGV", Error: "killed by signal SEGV",
		Stdout: "secret output", Stderr: "more",
		Output:     engine.Counts{StdoutBytes: 1 << 40, StdoutLines: 3, StdoutOmittedBytes: 7, StderrBytes: 4, Truncated: true, Masks: 2},
		AcceptedAt: epoch, StartedAt: at, CompletedAt: at.Add(1234567 * time.Nanosecond), Duration: 1234567 * time.Nanosecond,
		Queued: 5 * time.Millisecond, CancelledBy: engine.Actor{Kind: engine.Human, Name: "h"}, Forced: true, OutputIncomplete: true,
		Swept: 3, Survivors: []engine.Survivor{{Pid: 7, Command: "sleep"}}, Containment: "cgroup",
		LimitsHit: []string{"memory_bytes"}, Unenforced: []string{"cpus"}, LogPath: "/tmp/x", LogError: "full",
		Usage:  engine.Usage{UserTime: 17 * time.Millisecond, PeakBytes: 1 << 33, Voluntary: 4},
		Cursor: 1 << 50,
	}
	s.note(engine.Change{ID: id, Status: engine.Running, At: at})
	s.note(engine.Change{ID: id, Status: engine.Failed, Result: &full})
	s.restart()
	wanted := full
	wanted.Stdout, wanted.Stderr = "", ""
	got := s.get(id)
	if got.Result == nil {
		s.t.Fatal("there is no result")
	}
	want(s.t, "the result", asJSON(s.t, wanted), asJSON(s.t, *got.Result))
	want(s.t, "the duration of the result", full.Duration, got.Result.Duration)
	x := got.Execution
	want(s.t, "the start", true, x.StartedAt.Equal(full.StartedAt))
	want(s.t, "the end", true, x.CompletedAt.Equal(full.CompletedAt))
	want(s.t, "the duration", full.Duration, x.Duration)
	want(s.t, "the cursor", full.Cursor, x.Cursor)
	want(s.t, "the exit code", -1, x.ExitCode)
	if p := s.list(engine.Filter{}); asJSON(s.t, p.Executions) != asJSON(s.t, []engine.Execution{x}) {
		s.t.Errorf("list and get differ: %s\n%s", asJSON(s.t, p.Executions), asJSON(s.t, x))
	}
}

func changesAsALifeGoes(s *shop) {
	id := s.accept(engine.Request{Command: engine.Exec("true")})
	ctx := s.t.Context()
	wantIs(s.t, "completed before it ran", s.Note(ctx, s.ended(id, engine.Completed, 0)), engine.ErrInvalid)
	wantIs(s.t, "an ending without a result", s.Note(ctx, engine.Change{ID: id, Status: engine.Failed}), engine.ErrInvalid)
	wantIs(s.t, "the result of another", s.Note(ctx, engine.Change{ID: id, Status: engine.Failed, Result: &engine.Result{}}), engine.ErrInvalid)
	want(s.t, "the status", engine.Pending, s.get(id).Execution.Status)
	s.note(s.started(id))
	wantIs(s.t, "started again", s.Note(ctx, s.started(id)), engine.ErrInvalid)
	s.note(s.ended(id, engine.Completed, 0))
	wantIs(s.t, "lost after it completed", s.Note(ctx, s.ended(id, engine.Lost, -1)), engine.ErrFinished)
	wantIs(s.t, "started after it completed", s.Note(ctx, s.started(id)), engine.ErrFinished)
	s.restart()
	want(s.t, "the status", engine.Completed, s.get(id).Execution.Status)
}

func keepsLifeTogether(s *shop) {
	ids := s.acceptMany(3)
	whole, running, over := ids[0], ids[1], ids[2]
	life := func(id engine.ID) []engine.Change {
		return []engine.Change{s.started(id), s.ended(id, engine.Failed, 3)}
	}
	s.note(s.started(running))
	s.finish(over, engine.Completed, 0)
	wantIs(s.t, "running, started again and ended", s.Note(s.t.Context(), life(running)...), engine.ErrInvalid)
	wantIs(s.t, "completed, started again and ended", s.Note(s.t.Context(), life(over)...), engine.ErrFinished)
	wantIs(s.t, "never accepted", s.Note(s.t.Context(), life(newID(s.t))...), engine.ErrNotFound)
	s.note(life(whole)...)
	s.restart()
	for id, status := range map[engine.ID]engine.Status{whole: engine.Failed, running: engine.Failed, over: engine.Completed} {
		got := s.get(id)
		want(s.t, "the status", status, got.Execution.Status)
		want(s.t, "it has a start", false, got.Execution.StartedAt.IsZero())
		want(s.t, "it has a result", true, got.Result != nil)
	}
	failed := s.list(engine.Filter{Status: []engine.Status{engine.Failed}, Total: true})
	want(s.t, "how many failed", 2, failed.Total)
	want(s.t, "how many there are", 3, s.list(engine.Filter{Total: true}).Total)
}

func keepsTheGood(s *shop) {
	a, b := s.accept(engine.Request{Command: engine.Exec("a")}), s.accept(engine.Request{Command: engine.Exec("b")})
	err := s.Note(s.t.Context(), s.started(a), s.started(newID(s.t)), engine.Change{ID: b}, s.ended(a, engine.Completed, 0), s.started(b))
	wantIs(s.t, "one that is not there", err, engine.ErrNotFound)
	wantIs(s.t, "one that is nothing", err, engine.ErrInvalid)
	want(s.t, "a", engine.Completed, s.get(a).Execution.Status)
	want(s.t, "b", engine.Running, s.get(b).Execution.Status)
	if err := s.Note(s.t.Context()); err != nil {
		s.t.Errorf("no change: %v", err)
	}
}

func storeListCases() []storeCase {
	return []storeCase{
		{"PagesHaveEverythingOnce", "pages miss nothing and repeat nothing while executions come, end and go", pagesOnce},
		{"ListsWhatMatches", "every filter, and every two of them together, choose what they say", listsMatches},
		{"CountsWhatMatches", "the total is of all pages, and right after everything that can change it", countsMatches},
		{"RefusesWhatIsNoFilter", "a limit, a status, a type or a place that is none is refused", refusesNoFilter},
	}
}

func pagesOnce(s *shop) {
	ids := s.finishMany(60)
	for _, oldest := range []bool{false, true} {
		order := ids
		if !oldest {
			order = reversed(ids)
		}
		var came []engine.ID
		got := s.all(engine.Filter{Limit: 7, Oldest: oldest}, func() { came = append(came, s.finishMany(2)...) })
		got = slices.DeleteFunc(got, func(id engine.ID) bool { return oldest && slices.Contains(came, id) && !slices.Contains(order, id) })
		s.wantIDs(fmt.Sprintf("pages, oldest first: %t", oldest), order, got)
		s.delete(engine.Deletion{IDs: came}, len(came))
	}
	i := 0
	f := engine.Filter{Limit: 10}
	got := s.all(f, func() { // the one that a page ended with goes, and one that was seen
		if i < 4 {
			s.delete(engine.Deletion{IDs: []engine.ID{ids[len(ids)-10*(i+1)], ids[len(ids)-10*(i+1)+3]}}, 2)
		}
		i++
	})
	s.wantIDs("pages while what was seen goes", reversed(ids), got)
	s.restart()
	p := s.list(engine.Filter{Limit: 1000})
	want(s.t, "what is left", 52, len(p.Executions))
	want(s.t, "the next of a page that has all", "", p.Next)
}

// variety accepts executions that differ in all that can be asked for.
func variety(s *shop) (all []engine.Execution) {
	commands := []engine.Command{
		engine.Exec("/usr/bin/make", "all"), engine.Shell("aws s3 ls"), engine.Kubectl("get", "pods"),
		engine.AWS("s3", "ls"), engine.Exec("make", "it's"), engine.Exec("/opt/my tool/it's", "x"),
	}
	conversations := []engine.ID{{}, newID(s.t), newID(s.t)}
	for i := range 120 {
		r := engine.Request{Command: commands[i%len(commands)]}
		r.Metadata.Source = []string{"", "chat", "cli"}[i%3]
		r.Metadata.ConversationID = conversations[i%7%3]
		if i%4 > 0 {
			r.Metadata.Tags = map[string]string{"stage": []string{"", "prod", "test"}[i%4%3], "n": fmt.Sprint(i % 10)}
		}
		if i == 60 {
			s.clock = s.clock.Add(-30 * time.Millisecond)
		}
		id := s.accept(r)
		switch i % 8 {
		case 0:
		case 1:
			s.note(s.started(id))
		case 2:
			s.note(s.ended(id, engine.Cancelled, -1))
		case 3:
			s.finish(id, engine.Failed, i%5+1)
		default:
			s.finish(id, engine.Completed, 0)
		}
		all = append(all, s.get(id).Execution)
	}
	slices.Reverse(all)
	return all
}

// question is a filter, and which executions it is to choose.
type question struct {
	ask    func(f *engine.Filter)
	wanted func(x *engine.Execution) bool
}

func questions(all []engine.Execution) map[string]question {
	conversation := all[0].Metadata.ConversationID
	for _, x := range all {
		if x.Metadata.ConversationID != (engine.ID{}) {
			conversation = x.Metadata.ConversationID
		}
	}
	one := all[len(all)/3].ID
	since, until := epoch.Add(40*time.Millisecond), epoch.Add(140*time.Millisecond)
	minus, none, three := -1, 0, 3
	return map[string]question{
		"running":   {func(f *engine.Filter) { f.Status = []engine.Status{engine.Running} }, func(x *engine.Execution) bool { return x.Status == engine.Running }},
		"completed": {func(f *engine.Filter) { f.Status = []engine.Status{engine.Completed} }, func(x *engine.Execution) bool { return x.Status == engine.Completed }},
		"failed or pending, twice": {
			func(f *engine.Filter) {
				f.Status = []engine.Status{engine.Failed, engine.Pending, engine.Failed}
			},
			func(x *engine.Execution) bool { return x.Status == engine.Failed || x.Status == engine.Pending },
		},
		"completed or cancelled": {
			func(f *engine.Filter) { f.Status = []engine.Status{engine.Completed, engine.Cancelled} },
			func(x *engine.Execution) bool {
				return x.Status == engine.Completed || x.Status == engine.Cancelled
			},
		},
		"shell or kubectl": {
			func(f *engine.Filter) {
				f.Type = []engine.CommandType{engine.CommandTypeShell, engine.CommandTypeKubectl}
			},
			func(x *engine.Execution) bool { return x.Type == "shell" || x.Type == "kubectl" },
		},
		"make":   {func(f *engine.Filter) { f.Program = "make" }, func(x *engine.Execution) bool { return strings.Contains(x.Command, "make") }},
		"quoted": {func(f *engine.Filter) { f.Program = "it's" }, func(x *engine.Execution) bool { return strings.Contains(x.Command, "my tool") }},
		"source": {func(f *engine.Filter) { f.Source = "chat" }, func(x *engine.Execution) bool { return x.Metadata.Source == "chat" }},
		"conversation": {
			func(f *engine.Filter) { f.ConversationID = conversation },
			func(x *engine.Execution) bool { return x.Metadata.ConversationID == conversation },
		},
		"tag": {
			func(f *engine.Filter) { f.Tags = map[string]string{"stage": "prod"} },
			func(x *engine.Execution) bool { return x.Metadata.Tags["stage"] == "prod" },
		},
		"empty tag, and another": {
			func(f *engine.Filter) { f.Tags = map[string]string{"stage": "", "n": "3"} },
			func(x *engine.Execution) bool {
				v, ok := x.Metadata.Tags["stage"]
				return ok && v == "" && x.Metadata.Tags["n"] == "3"
			},
		},
		"exit code 3": {func(f *engine.Filter) { f.ExitCode = &three }, func(x *engine.Execution) bool { return x.ExitCode == 3 }},
		"exit code 0": {func(f *engine.Filter) { f.ExitCode = &none }, func(x *engine.Execution) bool { return x.ExitCode == 0 }},
		"no exit code": {
			func(f *engine.Filter) { f.ExitCode = &minus },
			func(x *engine.Execution) bool { return x.ExitCode == -1 && x.Status.Terminal() },
		},
		"id": {
			func(f *engine.Filter) { f.IDPrefix = strings.ToUpper(one.String()) },
			func(x *engine.Execution) bool { return x.ID == one },
		},
		"id begins": {
			func(f *engine.Filter) { f.IDPrefix = one.String()[:7] },
			func(x *engine.Execution) bool { return strings.HasPrefix(x.ID.String(), one.String()[:7]) },
		},
		"id ends in the middle of a byte": {
			func(f *engine.Filter) { f.IDPrefix = one.String()[:22] },
			func(x *engine.Execution) bool { return strings.HasPrefix(x.ID.String(), one.String()[:22]) },
		},
		"text":  {func(f *engine.Filter) { f.Text = "s3 ls" }, func(x *engine.Execution) bool { return strings.Contains(x.Command, "s3 ls") }},
		"since": {func(f *engine.Filter) { f.Since = since }, func(x *engine.Execution) bool { return !x.AcceptedAt.Before(since) }},
		"ever": {
			func(f *engine.Filter) {
				f.Since, f.Until = time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
			},
			func(*engine.Execution) bool { return true },
		},
		"until": {func(f *engine.Filter) { f.Until = until }, func(x *engine.Execution) bool { return x.AcceptedAt.Before(until) }},
	}
}

func listsMatches(s *shop) {
	all := variety(s)
	asked := questions(all)
	s.restart()
	for one, a := range asked {
		for other, b := range asked {
			if other < one {
				continue
			}
			var f engine.Filter
			a.ask(&f)
			b.ask(&f) // where both ask for the same thing, the second counts
			same := a
			if one != other && sameField(one, other) {
				same = b
			}
			var chosen []engine.ID
			for i := range all {
				if same.wanted(&all[i]) && b.wanted(&all[i]) {
					chosen = append(chosen, all[i].ID)
				}
			}
			f.Limit = 3
			s.wantIDs(one+" and "+other, chosen, s.all(f, nil))
			f.Oldest = true
			s.wantIDs(one+" and "+other+", oldest first", reversed(chosen), s.all(f, nil))
			f.Total, f.Limit = true, 1
			want(s.t, "total of "+one+" and "+other, len(chosen), s.list(f).Total)
		}
	}
}

// sameField tells whether two questions set the same field of a filter.
func sameField(a, b string) bool {
	for _, group := range [][]string{
		{"running", "completed", "failed or pending, twice", "completed or cancelled"},
		{"id", "id begins", "id ends in the middle of a byte"},
		{"make", "quoted"},
		{"tag", "empty tag, and another"},
		{"exit code 3", "exit code 0", "no exit code"},
	} {
		if slices.Contains(group, a) && slices.Contains(group, b) {
			return true
		}
	}
	return false
}

func countsMatches(s *shop) {
	total := func(f engine.Filter) int { f.Total, f.Limit = true, 2; return s.list(f).Total }
	completed := engine.Filter{Status: []engine.Status{engine.Completed}}
	pending := engine.Filter{Status: []engine.Status{engine.Pending, engine.Running}}
	want(s.t, "total of nothing", 0, total(engine.Filter{}))
	ids := s.acceptMany(10)
	want(s.t, "total", 10, total(engine.Filter{}))
	for _, id := range ids[:4] {
		s.finish(id, engine.Completed, 0)
	}
	want(s.t, "completed", 4, total(completed))
	want(s.t, "pending", 6, total(pending))
	s.delete(engine.Deletion{IDs: ids[:2]}, 2)
	s.restart()
	want(s.t, "completed after a deletion", 2, total(completed))
	want(s.t, "total after a deletion", 8, total(engine.Filter{}))
	after := completed
	after.Limit, after.Total = 1, true
	after.After = s.list(after).Next
	want(s.t, "total on the second page", 2, s.list(after).Total)
	want(s.t, "total that nobody asked for", 0, s.list(completed).Total)
}

func refusesNoFilter(s *shop) {
	for what, f := range map[string]engine.Filter{
		"limit below 0": {Limit: -1}, "limit above 1000": {Limit: 1001}, "status": {Status: []engine.Status{"gone"}},
		"type": {Type: []engine.CommandType{"basic"}}, "place": {After: "nowhere!"},
		"id": {IDPrefix: "019g"}, "more than an id": {IDPrefix: strings.Repeat("0", 33)},
	} {
		_, err := s.List(s.t.Context(), f)
		wantIs(s.t, what, err, engine.ErrInvalid)
	}
}
