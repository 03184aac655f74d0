package history_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/history"
)

// parts is how many parts a history has, and how many executions are in its tail.
func parts(t *testing.T, dir string) (n, tail int) {
	t.Helper()
	err := raw(t, dir+"/history.db").QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM text_part),
		(SELECT count(*) FROM execution WHERE seq > coalesce((SELECT max(last) FROM text_part), -1))`).Scan(&n, &tail)
	if err != nil {
		t.Fatal(err)
	}
	return n, tail
}

// withParts is a history of n executions, of which those that are in parts are.
func withParts(t *testing.T, n int) (*history.Store, string) {
	t.Helper()
	dir := place(t)
	s := open(t, dir, history.Config{Durability: history.ProcessDeath})
	s.HaveParts(256)
	fill(t, s, 0, n, false)
	tidy(t, s)
	return s, dir
}

// tidy is what retention does from time to time, where there is nothing to delete.
func tidy(t *testing.T, s *history.Store) {
	t.Helper()
	if n, err := s.Delete(t.Context(), engine.Deletion{EndedBefore: time.Unix(1, 0)}); n != 0 || err != nil {
		t.Fatal(n, err)
	}
}

// find are all that match, page by page.
func find(t *testing.T, s *history.Store, f engine.Filter) (all []engine.Execution) {
	t.Helper()
	f.Total = true
	for {
		p, err := s.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Executions...)
		if f.After = p.Next; p.Next == "" {
			if p.Total != len(all) {
				t.Errorf("%+v: %d are counted and %d found", f, p.Total, len(all))
			}
			return all
		}
	}
}

func idsOf(all []engine.Execution, match func(*engine.Execution) bool) (ids []engine.ID) {
	for i := range all {
		if match(&all[i]) {
			ids = append(ids, all[i].ID)
		}
	}
	return ids
}

// What has a text is found, be it in a part or in the tail, rare or frequent, alone or
// with other filters, from either end; and nothing else is.
func TestList_FindsTextWhereverItIs(t *testing.T) {
	t.Parallel()
	s, dir := withParts(t, 1000)
	if n, tail := parts(t, dir); n != 3 || tail != 1000-3*256 {
		t.Fatalf("there are %d parts, and %d in the tail", n, tail)
	}
	all := func(*engine.Execution) bool { return true }
	newest := find(t, s, engine.Filter{Limit: 1000})
	texts := []string{"deploy", "N=7", "=7", "7", "nowhere to be found", "Name=tag:n,Values=", "tool-", "py 99"}
	for i := 0; i < len(newest); i += 41 {
		command := newest[i].Command
		texts = append(texts, command, command[len(command)/2:], command[max(len(command)-4, 0):])
	}
	for _, text := range texts {
		for name, f := range map[string]engine.Filter{
			"": {}, "failed": {Status: []engine.Status{engine.Failed}}, "of a program": {Program: "python3"}, "of chat": {Source: "chat"},
		} {
			f.Text, f.Limit = text, 7
			matches := func(x *engine.Execution) bool {
				return strings.Contains(x.Command, text) && (len(f.Status) == 0 || x.Status == engine.Failed) &&
					(f.Program == "" || x.Program() == f.Program) && (f.Source == "" || x.Metadata.Source == f.Source)
			}
			want := idsOf(newest, matches)
			if got := idsOf(find(t, s, f), all); !slices.Equal(want, got) {
				t.Errorf("%q %s: want %d %v, got %d %v", text, name, len(want), want, len(got), got)
			}
			f.Oldest = true
			slices.Reverse(want)
			if got := idsOf(find(t, s, f), all); !slices.Equal(want, got) {
				t.Errorf("%q %s from the oldest: want %d %v, got %d %v", text, name, len(want), want, len(got), got)
			}
		}
	}
}

// What waited or ran when its part was made, and what is replaced later, is found as it is
// now.
func TestList_FindsTextThatWasReplaced(t *testing.T) {
	t.Parallel()
	s, dir := withParts(t, 600)
	runs := accept(t, s, engine.Request{Command: engine.Exec("deploy", "--key", "hunter2hunter2")})
	fill(t, s, 601, 900, false)
	tidy(t, s)
	if n, _ := parts(t, dir); n != 3 {
		t.Fatalf("there are %d parts", n)
	}
	for id, command := range map[engine.ID]string{runs: "deploy --key [REDACTED] runs", idOf(100): "[REDACTED] has ended"} {
		a := acceptance(t, engine.Request{ID: id, Command: engine.Shell(command)})
		if err := s.Note(t.Context(), engine.Change{ID: id, Shown: &a}); err != nil {
			t.Fatal(err)
		}
		if got := find(t, s, engine.Filter{Text: "[REDACTED]"}); len(got) == 0 || !slices.ContainsFunc(got, func(x engine.Execution) bool { return x.ID == id }) {
			t.Errorf("%q is not found: %v", command, got)
		}
	}
	if got := find(t, s, engine.Filter{Text: "hunter2hunter2"}); len(got) != 0 {
		t.Errorf("what is shown no longer is found: %v", got)
	}
}

// Parts go with the last of their executions.
func TestDelete_ForgetsWhatFindsText(t *testing.T) {
	t.Parallel()
	s, dir := withParts(t, 800)
	waits := accept(t, s, engine.Request{Command: engine.Shell("make deploy later")})
	if n, err := s.Delete(t.Context(), engine.Deletion{Match: &engine.Filter{}}); n != 800 || err != nil {
		t.Fatal(n, err)
	}
	var bits int
	if err := raw(t, dir+"/history.db").QueryRowContext(t.Context(), "SELECT count(*) FROM text_bits").Scan(&bits); err != nil {
		t.Fatal(err)
	}
	if n, tail := parts(t, dir); n != 0 || bits != 0 || tail != 1 {
		t.Errorf("%d parts and %d of their rows are left, and %d in the tail", n, bits, tail)
	}
	if got := find(t, s, engine.Filter{Text: "deploy"}); len(got) != 1 || got[0].ID != waits {
		t.Errorf("found %v", got)
	}
}
