package enginetest

import (
	"strings"

	engine "github.com/escher-dbai/cloudops-engine"
)

func storeDeleteCases() []storeCase {
	return []storeCase{
		{"DeletesByID", "what was deleted is expired and not unknown, and its id is not used again", deletesByID},
		{"DeletesByFilter", "all that match go, and nothing else", deletesByFilter},
		{"NeverDeletesTheUnfinished", "what has not ended stays, whatever is asked", deletesNoUnfinished},
		{"KeepsByAge", "those that ended before a time go", keepsByAge},
		{"KeepsByCount", "those that ended first go, in whatever order they were accepted", keepsByCount},
		{"KeepsByBytes", "as many of those that ended first go as have to", keepsByBytes},
		{"RefusesWhatIsNoDeletion", "a deletion that contradicts itself deletes nothing, and so does an empty one", refusesNoDeletion},
	}
}

func deletesByID(s *shop) {
	ids := s.finishMany(3)
	r := engine.Request{ID: ids[0], Command: engine.Exec("echo", "0")}
	n, err := s.Delete(s.t.Context(), engine.Deletion{IDs: []engine.ID{ids[0], newID(s.t), ids[1]}})
	wantIs(s.t, "one that is not there", err, engine.ErrNotFound)
	want(s.t, "how many were deleted", 2, n)
	s.restart()
	s.wantGone(ids[0], ids[1])
	_, err = s.Accept(s.t.Context(), s.acceptance(r))
	wantIs(s.t, "accept it again", err, engine.ErrExpired)
	wantIs(s.t, "note it", s.Note(s.t.Context(), s.started(ids[0])), engine.ErrExpired)
	n, err = s.Delete(s.t.Context(), engine.Deletion{IDs: ids[:1]})
	wantIs(s.t, "delete it again", err, engine.ErrExpired)
	want(s.t, "how many were deleted", 0, n)
	s.wantIDs("what is left", ids[2:], s.all(engine.Filter{}, nil))
}

func deletesByFilter(s *shop) {
	all := variety(s)
	tagged := engine.Filter{Tags: map[string]string{"stage": "prod"}, Source: "chat", Limit: 1, After: "zz"}
	var gone, left []engine.ID
	for i := range all {
		x := &all[i]
		if x.Metadata.Tags["stage"] == "prod" && x.Metadata.Source == "chat" && x.Status.Terminal() {
			gone = append(gone, x.ID)
		} else {
			left = append(left, x.ID)
		}
	}
	if len(gone) == 0 {
		s.t.Fatal("nothing to delete")
	}
	tagged.After = ""
	s.delete(engine.Deletion{Match: &tagged}, len(gone))
	s.restart()
	s.wantGone(gone...)
	s.wantIDs("what is left", left, s.all(engine.Filter{}, nil))
}

func deletesNoUnfinished(s *shop) {
	ids := s.acceptMany(3)
	s.note(s.started(ids[1]))
	s.finish(ids[2], engine.Completed, 0)
	for _, id := range ids[:2] {
		_, err := s.Delete(s.t.Context(), engine.Deletion{IDs: []engine.ID{id}})
		wantIs(s.t, "by id", err, engine.ErrNotFinished)
	}
	s.delete(engine.Deletion{Match: &engine.Filter{}, EndedBefore: s.tick(), Keep: 1, KeepBytes: 1}, 1)
	s.wantIDs("what is left", reversed(ids[:2]), s.all(engine.Filter{}, nil))
	s.finish(ids[0], engine.Completed, 0)
	s.note(s.ended(ids[1], engine.Lost, -1))
	want(s.t, "the status", engine.Lost, s.get(ids[1]).Execution.Status)
}

func keepsByAge(s *shop) {
	old := s.finishMany(5)
	limit := s.tick()
	young := s.finishMany(5)
	s.delete(engine.Deletion{EndedBefore: limit}, 5)
	s.delete(engine.Deletion{EndedBefore: limit}, 0)
	s.restart()
	s.wantGone(old...)
	s.wantIDs("what is left", reversed(young), s.all(engine.Filter{}, nil))
}

func keepsByCount(s *shop) {
	ids := s.acceptMany(10)
	unfinished := s.accept(engine.Request{Command: engine.Exec("sleep", "9")})
	for _, id := range reversed(ids) { // the first accepted ends last
		s.finish(id, engine.Completed, 0)
	}
	s.delete(engine.Deletion{Keep: 4}, 6)
	s.delete(engine.Deletion{Keep: 4}, 0)
	s.restart()
	s.wantGone(ids[4:]...)
	s.wantIDs("what is left", append([]engine.ID{unfinished}, reversed(ids[:4])...), s.all(engine.Filter{}, nil))
}

func keepsByBytes(s *shop) {
	var ids []engine.ID
	for range 100 {
		id := s.accept(engine.Request{Command: engine.Exec("echo", strings.Repeat("x", 20_000))})
		s.finish(id, engine.Completed, 0)
		ids = append(ids, id)
	}
	running := s.accept(engine.Request{Command: engine.Exec("sleep", "9")})
	n, err := s.Delete(s.t.Context(), engine.Deletion{KeepBytes: 2_000_000})
	if err != nil || n < 10 || n > 90 {
		s.t.Fatalf("of 100 with 40 kB each 2 MB are to be kept: %d were deleted, %v", n, err)
	}
	s.restart()
	s.wantGone(ids[:n]...)
	s.wantIDs("what is left", append([]engine.ID{running}, reversed(ids[n:])...), s.all(engine.Filter{}, nil))
	s.delete(engine.Deletion{KeepBytes: 2_000_000}, 0)
	s.delete(engine.Deletion{KeepBytes: 1}, 100-n)
	s.wantIDs("what is left of 1 byte", []engine.ID{running}, s.all(engine.Filter{}, nil))
}

func refusesNoDeletion(s *shop) {
	ids := s.finishMany(2)
	for what, d := range map[string]engine.Deletion{
		"keep": {Keep: -1, IDs: ids}, "bytes": {KeepBytes: -1, IDs: ids},
		"status": {IDs: ids, Match: &engine.Filter{Status: []engine.Status{"gone"}}},
	} {
		n, err := s.Delete(s.t.Context(), d)
		wantIs(s.t, what, err, engine.ErrInvalid)
		want(s.t, what+": how many were deleted", 0, n)
	}
	s.delete(engine.Deletion{}, 0)
	s.wantIDs("what is left", reversed(ids), s.all(engine.Filter{}, nil))
}
