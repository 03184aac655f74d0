package enginetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

func storeAcceptCases() []storeCase {
	return []storeCase{
		{"AcceptsOnce", "the id is the key: the same content again is known, other content a conflict, at any time", acceptsOnce},
		{"AcceptsSeveralInOrder", "a BatchStore keeps each of several on its own, and they are queued in their order", acceptsSeveral},
		{"RefusesWhatIsNoAcceptance", "an execution begins as pending or awaiting approval, with an id and a time", refusesNoAcceptance},
		{"KeepsTheRequestWholeUntilTheStart", "what was accepted can be run after a restart, with its secrets", keepsWhole},
		{"KeepsAPlanWholeUntilItsEnd", "a plan that has started goes on after a restart, with the secrets of its commands", keepsPlan},
		{"WipesSecretsAtTheStart", "after the start, or an ending without one, no secret is kept", wipesSecrets},
		{"ForgetsWhatIsShownNoLonger", "a secret that is found out later is nowhere in what is kept, and what waits can still be run", forgetsWhatWasShown},
		{"KeepsTheQueueInOrder", "what was accepted and not started comes back in the order of acceptance, whatever the clock says", keepsQueue},
		{"TellsUnknownFromNever", "an id that never was is ErrNotFound", tellsNotFound},
	}
}

func acceptsOnce(s *shop) {
	r := engine.Request{ID: newID(s.t), Command: engine.Shell("make deploy"), Env: map[string]string{"STAGE": "prod"}}
	other := r
	other.Command = engine.Shell("make destroy")
	s.accept(r)
	check := func(when string) {
		s.t.Helper()
		known, err := s.Accept(s.t.Context(), s.acceptance(r))
		if !known || err != nil {
			s.t.Errorf("%s, the same content: want known, got %t, %v", when, known, err)
		}
		known, err = s.Accept(s.t.Context(), s.acceptance(other))
		wantIs(s.t, when+", other content", err, engine.ErrConflict)
		want(s.t, when+", other content is known", false, known)
	}
	check("pending")
	s.restart()
	check("after a restart")
	s.note(s.started(r.ID))
	check("running")
	s.note(s.ended(r.ID, engine.Completed, 0))
	check("completed")
	want(s.t, "the command that is kept", r.Command.String(), s.get(r.ID).Execution.Command)
	want(s.t, "how many there are", 1, s.list(engine.Filter{Total: true}).Total)
}

func acceptsSeveral(s *shop) {
	b, ok := s.Store.(engine.BatchStore)
	if !ok {
		s.t.Skip("this store takes one at a time")
	}
	old := s.acceptance(engine.Request{ID: newID(s.t), Command: engine.Shell("old")})
	if _, err := s.Accept(s.t.Context(), old); err != nil {
		s.t.Fatal(err)
	}
	a, c := s.acceptance(engine.Request{Command: engine.Shell("a")}), s.acceptance(engine.Request{Command: engine.Shell("c")})
	twin := a
	twin.Digest[0]++
	got := b.AcceptAll(s.t.Context(), []engine.Acceptance{a, old, {}, twin, c, a})
	if len(got) != 6 {
		s.t.Fatalf("%d were told of 6", len(got))
	}
	for i, want := range []engine.Accepted{{}, {Known: true}, {Err: engine.ErrInvalid}, {Err: engine.ErrConflict}, {}, {Known: true}} {
		if got[i].Known != want.Known || !errors.Is(got[i].Err, want.Err) {
			s.t.Errorf("%d: want %+v, got %+v", i, want, got[i])
		}
	}
	var order []engine.ID
	for _, x := range s.list(engine.Filter{Oldest: true}).Executions {
		order = append(order, x.ID)
	}
	want(s.t, "the queue", fmt.Sprint([]engine.ID{old.Execution.ID, a.Execution.ID, c.Execution.ID}), fmt.Sprint(order))
}

func refusesNoAcceptance(s *shop) {
	for what, spoil := range map[string]func(a *engine.Acceptance){
		"no id":   func(a *engine.Acceptance) { a.Execution.ID = engine.ID{} },
		"no time": func(a *engine.Acceptance) { a.Execution.AcceptedAt = time.Time{} },
		"running": func(a *engine.Acceptance) { a.Execution.Status = engine.Running },
		"ended":   func(a *engine.Acceptance) { a.Execution.Status = engine.Completed },
	} {
		a := s.acceptance(engine.Request{Command: engine.Exec("true")})
		spoil(&a)
		_, err := s.Accept(s.t.Context(), a)
		wantIs(s.t, what, err, engine.ErrInvalid)
	}
	want(s.t, "executions kept", 0, len(s.list(engine.Filter{}).Executions))
}

// secretRequest has a secret in each place that a request can have one.
func secretRequest() engine.Request {
	return engine.Request{
		Command: engine.Exec("deploy", "--key", "hunter2hunter2"), Secrets: []string{"hunter2hunter2"},
		Env: map[string]string{"DB_PASSWORD": "correct horse", "STAGE": "prod"}, Stdin: []byte("stdin hunter3"),
		Timeout: time.Minute, Actor: engine.Actor{Kind: engine.Agent, Name: "a"},
		Metadata: engine.Metadata{Source: "chat", Tags: map[string]string{"team": "blue"}},
	}
}

func keepsPlan(s *shop) {
	secret := secretRequest()
	secret.ID = engine.ID{}
	r := engine.Plan{Commands: []engine.PlanCommand{{Request: secret}}}.Request()
	r.Secrets = secret.Secrets
	id := s.accept(r)
	s.note(s.started(id))
	s.restart()
	got := s.get(id)
	want(s.t, "it is whole while it runs", true, got.Whole)
	want(s.t, "it can be run", true, strings.Contains(requestJSON(s.t, got.Request), "hunter2"))
	want(s.t, "what is missing", "[]", fmt.Sprint(got.Missing()))
	s.note(s.ended(id, engine.Completed, 0))
	s.restart()
	got = s.get(id)
	want(s.t, "it is whole when it has ended", false, got.Whole)
	want(s.t, "its secrets are there", false, strings.Contains(requestJSON(s.t, got.Request), "hunter2"))
	want(s.t, "what is missing", "[commands/0/command commands/0/env.DB_PASSWORD commands/0/secrets commands/0/stdin secrets]", fmt.Sprint(got.Missing()))
}

func keepsWhole(s *shop) {
	r := secretRequest()
	id := s.accept(r)
	awaiting := s.acceptance(r)
	awaiting.Execution.Status = engine.AwaitingApproval
	if _, err := s.Accept(s.t.Context(), awaiting); err != nil {
		s.t.Fatal(err)
	}
	s.restart()
	s.note(engine.Change{ID: awaiting.Execution.ID, Status: engine.Pending, At: s.tick()}) // it was approved
	for _, id := range []engine.ID{id, awaiting.Execution.ID} {
		got := s.get(id)
		want(s.t, "the request is whole", true, got.Whole)
		want(s.t, "what is missing", 0, len(got.Missing()))
		want(s.t, "the request", requestJSON(s.t, r), requestJSON(s.t, got.Request))
		want(s.t, "the status", engine.Pending, got.Execution.Status)
		want(s.t, "there is a result", false, got.Result != nil)
		want(s.t, "the exit code", -1, got.Execution.ExitCode)
	}
}

func wipesSecrets(s *shop) {
	for _, end := range []func(id engine.ID) engine.Change{
		s.started,
		func(id engine.ID) engine.Change { return s.ended(id, engine.Cancelled, -1) },
	} {
		id := s.accept(secretRequest())
		s.note(end(id))
		s.restart()
		got := s.get(id)
		text := requestJSON(s.t, got.Request) + got.Execution.Command
		for _, secret := range []string{"hunter2", "hunter3", "correct horse"} {
			if strings.Contains(text, secret) {
				s.t.Errorf("%s as %s has the secret %q: %s", id, got.Execution.Status, secret, text)
			}
		}
		if !strings.Contains(text, "prod") || !strings.Contains(text, "deploy --key") {
			s.t.Errorf("what is no secret is not kept: %s", text)
		}
		want(s.t, "the request is whole", false, got.Whole)
		want(s.t, "what is missing", "[command env.DB_PASSWORD secrets stdin]", fmt.Sprint(got.Missing()))
	}
	r := engine.Request{Command: engine.Exec("cat"), StdinFrom: strings.NewReader("hunter2")}
	id := s.accept(r)
	s.note(s.started(id))
	want(s.t, "what is missing of a stdin that was read elsewhere", "[stdin]", fmt.Sprint(s.get(id).Missing()))
	id = s.accept(engine.Request{Command: engine.Exec("true"), Env: map[string]string{"STAGE": "prod"}})
	s.note(s.started(id))
	want(s.t, "what is missing where there were no secrets", "[]", fmt.Sprint(s.get(id).Missing()))
}

// concealed is what is to be kept of a request when its secret is known.
func concealed(s *shop, r engine.Request) *engine.Acceptance {
	r.Secrets = []string{"hunter2hunter2"}
	a := s.acceptance(r)
	return &a
}

func forgetsWhatWasShown(s *shop) {
	r := engine.Request{
		Command: engine.Exec("deploy", "--key", "hunter2hunter2"), Env: map[string]string{"STAGE": "hunter2hunter2"},
		Actor:    engine.Actor{Kind: engine.Human, Name: "hunter2hunter2"},
		Metadata: engine.Metadata{Source: "hunter2hunter2", Tags: map[string]string{"key": "hunter2hunter2", "team": "blue"}},
	}
	for what, before := range map[string]func(id engine.ID){
		"waits": func(engine.ID) {}, "runs": func(id engine.ID) { s.note(s.started(id)) },
		"has ended": func(id engine.ID) { s.finish(id, engine.Failed, 1) },
	} {
		r.ID = newID(s.t)
		s.accept(r)
		before(r.ID)
		was := s.get(r.ID)
		s.note(engine.Change{ID: r.ID, Shown: concealed(s, r)})
		s.restart()
		got := s.get(r.ID)
		want(s.t, what+": status, times and code", asJSON(s.t, bare(was.Execution)), asJSON(s.t, bare(got.Execution)))
		want(s.t, what+": there is a result", was.Result != nil, got.Result != nil)
		want(s.t, what+": it can be run", what == "waits", got.Whole)
		if text := requestJSON(s.t, got.Request); got.Whole != strings.Contains(text, "hunter2") || got.Whole && len(got.Request.Secrets) != 1 {
			s.t.Errorf("%s: its request is %s", what, text)
		}
		known, err := s.Accept(s.t.Context(), s.acceptance(r))
		want(s.t, what+": the same content is known", true, known && err == nil)
	}
	if text := asJSON(s.t, s.list(engine.Filter{})); strings.Contains(text, "hunter2") {
		s.t.Errorf("the list has the secret: %s", text)
	}
	for what, f := range map[string]engine.Filter{
		"text": {Text: "hunter2"}, "source": {Source: "hunter2hunter2"}, "tag": {Tags: map[string]string{"key": "hunter2hunter2"}},
	} {
		want(s.t, "found by the secret as "+what, 0, len(s.list(f).Executions))
	}
	want(s.t, "found by a tag that is no secret", 3, len(s.list(engine.Filter{Tags: map[string]string{"team": "blue"}}).Executions))
	want(s.t, "found by the tag that was masked", 3, len(s.list(engine.Filter{Tags: map[string]string{"key": "[REDACTED]"}}).Executions))
	refusesToShow(s, r)
}

// bare is an execution without what is shown of its request.
func bare(x engine.Execution) engine.Execution {
	x.Command, x.Actor, x.Metadata = "", engine.Actor{}, engine.Metadata{}
	return x
}

func refusesToShow(s *shop, r engine.Request) {
	r.ID = newID(s.t)
	for what, c := range map[string]engine.Change{
		"of another":      {ID: newID(s.t), Shown: concealed(s, r)},
		"with a status":   {ID: r.ID, Status: engine.Running, Shown: concealed(s, r)},
		"nothing of both": {ID: r.ID},
	} {
		wantIs(s.t, what, s.Note(s.t.Context(), c), engine.ErrInvalid)
	}
	wantIs(s.t, "of one that is not there", s.Note(s.t.Context(), engine.Change{ID: r.ID, Shown: concealed(s, r)}), engine.ErrNotFound)
	gone := s.finishMany(1)[0]
	s.delete(engine.Deletion{IDs: []engine.ID{gone}}, 1)
	r.ID = gone
	wantIs(s.t, "of one that was deleted", s.Note(s.t.Context(), engine.Change{ID: gone, Shown: concealed(s, r)}), engine.ErrExpired)
}

func keepsQueue(s *shop) {
	var order []engine.ID
	for i := range 300 {
		if i == 100 {
			s.clock = s.clock.Add(-time.Hour) // somebody set the clock
		}
		order = append(order, s.accept(engine.Request{Command: engine.Exec("echo", fmt.Sprint(i))}))
	}
	var queue []engine.ID
	for i, id := range order {
		switch i % 4 {
		case 0:
			s.note(s.started(id))
		case 1:
			s.note(s.ended(id, engine.Cancelled, -1))
		default:
			queue = append(queue, id)
		}
	}
	s.restart()
	f := engine.Filter{Status: []engine.Status{engine.Pending, engine.AwaitingApproval}, Oldest: true, Limit: 7}
	s.wantIDs("the queue", queue, s.all(f, nil))
	f.Oldest = false
	s.wantIDs("the queue from its end", reversed(queue), s.all(f, nil))
}

func tellsNotFound(s *shop) {
	_, err := s.Get(s.t.Context(), newID(s.t))
	wantIs(s.t, "get", err, engine.ErrNotFound)
	wantIs(s.t, "note", s.Note(s.t.Context(), s.started(newID(s.t))), engine.ErrNotFound)
	_, err = s.Delete(s.t.Context(), engine.Deletion{IDs: []engine.ID{newID(s.t)}})
	wantIs(s.t, "delete", err, engine.ErrNotFound)
}

func storeRaceCases() []storeCase {
	return []storeCase{
		{"AcceptsOneOfManyAtOnce", "of many who accept the same id at the same time one is first", acceptsOneOfMany},
		{"LosesNothingUnderLoad", "whatever hundreds at once do, what was acknowledged is there, and none twice", losesNothing},
		{"EndsOnce", "of many endings at the same time one is kept", endsOnce},
	}
}

// together calls f n times at once.
func together(n int, f func(i int)) {
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		all.Go(func() { <-begin; f(i) })
	}
	close(begin)
	all.Wait()
}

func acceptsOneOfMany(s *shop) {
	var acceptances []engine.Acceptance
	r := engine.Request{ID: newID(s.t), Command: engine.Exec("true")}
	other := engine.Request{ID: r.ID, Command: engine.Exec("false")}
	for i := range 200 {
		acceptances = append(acceptances, s.acceptance([]engine.Request{r, other}[i%2]))
	}
	var firsts, knowns atomic.Int32
	together(len(acceptances), func(i int) {
		switch known, err := s.Accept(s.t.Context(), acceptances[i]); {
		case err == nil && known:
			knowns.Add(1)
		case err == nil:
			firsts.Add(1)
		default:
			wantIs(s.t, "accept", err, engine.ErrConflict)
		}
	})
	want(s.t, "who was first", 1, firsts.Load())
	want(s.t, "who came later with the same", 99, knowns.Load())
}

func losesNothing(s *shop) {
	const crowd, each = 200, 5
	changes := make([][]engine.Change, crowd)
	acceptances := make([][]engine.Acceptance, crowd)
	var ids []engine.ID
	for i := range crowd {
		for range each {
			a := s.acceptance(engine.Request{Command: engine.Exec("echo", fmt.Sprint(i)), Metadata: engine.Metadata{Tags: map[string]string{"who": fmt.Sprint(i)}}})
			acceptances[i] = append(acceptances[i], a)
			ids = append(ids, a.Execution.ID)
			changes[i] = append(changes[i], s.started(a.Execution.ID), s.ended(a.Execution.ID, engine.Failed, i%5+1))
		}
	}
	together(crowd, func(i int) {
		for _, a := range acceptances[i] {
			if known, err := s.Accept(s.t.Context(), a); known || err != nil {
				s.t.Errorf("accept: known %t, %v", known, err)
			}
		}
		if _, err := s.List(s.t.Context(), engine.Filter{Limit: 5, Tags: map[string]string{"who": fmt.Sprint(i)}}); err != nil {
			s.t.Errorf("list: %v", err)
		}
		if err := s.Note(s.t.Context(), changes[i]...); err != nil {
			s.t.Errorf("note: %v", err)
		}
	})
	s.restart()
	got := s.all(engine.Filter{Limit: 300, Status: []engine.Status{engine.Failed}}, nil)
	want(s.t, "executions", len(ids), len(got))
	for _, id := range ids {
		if !slices.Contains(got, id) {
			s.t.Fatalf("execution %s was acknowledged and is not there", id)
		}
	}
	want(s.t, "what is counted", len(ids), s.list(engine.Filter{Total: true, Status: []engine.Status{engine.Failed}}).Total)
}

func endsOnce(s *shop) {
	id := s.accept(engine.Request{Command: engine.Exec("true")})
	s.note(s.started(id))
	var endings []engine.Change
	for i := range 50 {
		endings = append(endings, s.ended(id, []engine.Status{engine.Failed, engine.Cancelled, engine.Lost}[i%3], i))
	}
	var winner atomic.Pointer[engine.Change]
	together(len(endings), func(i int) {
		err := s.Note(s.t.Context(), endings[i])
		if err == nil && winner.Swap(&endings[i]) != nil {
			s.t.Error("two endings were kept")
		}
		if err != nil {
			wantIs(s.t, "a later ending", err, engine.ErrFinished)
		}
	})
	s.restart()
	got := s.get(id)
	want(s.t, "the ending", winner.Load().Result.ExitCode, got.Result.ExitCode)
	want(s.t, "the status", winner.Load().Status, got.Execution.Status)
}
