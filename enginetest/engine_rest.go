package enginetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

func listCases() []one {
	return []one{
		{"ListFilters", "List gives what matches every part of the filter, newest first", listFilters},
		{"ListPages", "the pages of a list together are the list, each execution once", listPages},
		{"ListRefuses", "a filter that cannot be meant is ErrInvalid", listRefuses},
		{"CleanupKeepsWhatIsYoung", "Cleanup forgets only what is too old or too many", cleanupKeeps},
	}
}

func listFilters(b *bench) {
	t := b.t
	var ids []engine.ID
	for i, line := range []string{"exit 0", "exit 1", "exit 0"} {
		request := sh(line)
		request.Metadata = engine.Metadata{Source: []string{"a", "b", "b"}[i], Tags: map[string]string{"n": "x"}}
		ids = append(ids, b.do(t, request).ID)
	}
	for name, c := range map[string]struct {
		filter engine.Filter
		want   []engine.ID
	}{
		"all":         {engine.Filter{}, []engine.ID{ids[2], ids[1], ids[0]}},
		"by status":   {engine.Filter{Status: []engine.Status{engine.Failed, engine.Running}}, ids[1:2]},
		"by source":   {engine.Filter{Source: "b"}, []engine.ID{ids[2], ids[1]}},
		"by tag":      {engine.Filter{Tags: map[string]string{"n": "x"}, Source: "a"}, ids[:1]},
		"by no tag":   {engine.Filter{Tags: map[string]string{"n": "y"}}, nil},
		"by time":     {engine.Filter{Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}, []engine.ID{ids[2], ids[1], ids[0]}},
		"by id":       {engine.Filter{IDPrefix: ids[1].String()}, ids[1:2]},
		"by prefix":   {engine.Filter{IDPrefix: ids[0].String()[:20]}, beginningWith(ids, ids[0].String()[:20])},
		"by no id":    {engine.Filter{IDPrefix: "ffffffff"}, nil},
		"by old time": {engine.Filter{Until: time.Now().Add(-time.Hour)}, nil},
	} {
		page, err := b.List(patient(t), c.filter)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := idsOf(page); !slices.Equal(c.want, got) {
			t.Errorf("%s: want %v, got %v", name, c.want, got)
		}
	}
}

// beginningWith are the ids that do, the last first.
func beginningWith(ids []engine.ID, prefix string) []engine.ID {
	var found []engine.ID
	for _, id := range slices.Backward(ids) {
		if strings.HasPrefix(id.String(), prefix) {
			found = append(found, id)
		}
	}
	return found
}

func idsOf(p engine.Page) []engine.ID {
	var ids []engine.ID
	for i := range p.Executions {
		ids = append(ids, p.Executions[i].ID)
	}
	return ids
}

func listPages(b *bench) {
	t := b.t
	var all []engine.ID
	for range 5 {
		all = append(all, b.do(t, sh(":")).ID)
	}
	slices.Reverse(all)
	var got []engine.ID
	filter := engine.Filter{Limit: 2}
	for range 4 {
		page, err := b.List(patient(t), filter)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, idsOf(page)...)
		if filter.After = page.Next; page.Next == "" {
			break
		}
	}
	if !slices.Equal(all, got) {
		t.Errorf("want %v, got %v", all, got)
	}
}

func listRefuses(b *bench) {
	t := b.t
	for name, f := range map[string]engine.Filter{
		"limit below 0": {Limit: -1},
		"limit above":   {Limit: 1001},
		"status":        {Status: []engine.Status{"done"}},
		"id":            {IDPrefix: "@last"},
		"cursor":        {After: "no place"},
	} {
		if _, err := b.List(patient(t), f); !errors.Is(err, engine.ErrInvalid) {
			t.Errorf("%s: want ErrInvalid, got %v", name, err)
		}
	}
}

func cleanupKeeps(b *bench) {
	t := b.t
	r := b.do(t, sh(":"))
	n, err := b.Cleanup(patient(t))
	if n != 0 || err != nil {
		t.Errorf("Cleanup: want 0, got %d, %v", n, err)
	}
	want(t, "the result", asJSON(t, r), asJSON(t, b.end(t, r.ID)))
}

func refusalCases() []one {
	return []one{
		{"RefusesWhatCannotRun", "what can be known before the start is an error of Execute, which keeps nothing", refuses},
	}
}

func refuses(b *bench) {
	t := b.t
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("echo hi\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		request engine.Request
		want    error
	}{
		"no command":         {engine.Request{}, engine.ErrInvalidCommand},
		"empty program":      {engine.Request{Command: engine.Exec("")}, engine.ErrInvalidCommand},
		"NUL in an argument": {engine.Request{Command: engine.Exec("echo", "a\x00b")}, engine.ErrInvalidCommand},
		"no such program":    {engine.Request{Command: engine.Exec("no-such-program-here")}, engine.ErrProgramNotFound},
		"no such path":       {engine.Request{Command: engine.Exec(filepath.Join(dir, "none"))}, engine.ErrProgramNotFound},
		"a directory":        {engine.Request{Command: engine.Exec(dir)}, engine.ErrNotExecutable},
		"no such script":     {engine.Request{Command: engine.Script(filepath.Join(dir, "none.sh"))}, engine.ErrScriptNotFound},
		"no such directory":  {engine.Request{Command: engine.Exec("sh"), WorkingDir: filepath.Join(dir, "none")}, engine.ErrWorkingDir},
		"relative directory": {engine.Request{Command: engine.Exec("sh"), WorkingDir: "tmp"}, engine.ErrWorkingDir},
		"a file for one":     {engine.Request{Command: engine.Exec("sh"), WorkingDir: file}, engine.ErrWorkingDir},
		"negative timeout":   {engine.Request{Command: engine.Exec("sh"), Timeout: -time.Second}, engine.ErrInvalid},
		"timeout too large":  {engine.Request{Command: engine.Exec("sh"), Timeout: 1000 * time.Hour}, engine.ErrTimeoutTooLarge},
		"name of a variable": {engine.Request{Command: engine.Exec("sh"), Env: map[string]string{"A=B": "c"}}, engine.ErrInvalid},
		"stop signal":        {engine.Request{Command: engine.Exec("sh"), StopSignal: "KILL"}, engine.ErrInvalid},
		"success code":       {engine.Request{Command: engine.Exec("sh"), SuccessCodes: []int{256}}, engine.ErrInvalid},
		"two kinds of stdin": {engine.Request{Command: engine.Exec("sh"), Interactive: true, Stdin: []byte("x")}, engine.ErrInvalid},
		"stdin and terminal": {engine.Request{Command: engine.Exec("sh"), Terminal: &engine.TerminalSize{}, Stdin: []byte("x")}, engine.ErrInvalid},
		"log that is there":  {engine.Request{Command: engine.Exec("sh"), OutputLogPath: file}, engine.ErrInvalid},
	} {
		id, err := b.Execute(patient(t), c.request)
		if !errors.Is(err, c.want) || !errors.Is(err, engine.ErrInvalid) || id != (engine.ID{}) {
			t.Errorf("%s: want %v, which is an ErrInvalid, and no id; got %v, %v", name, c.want, id, err)
		}
	}
	if page, err := b.List(patient(t), engine.Filter{}); err != nil || len(page.Executions) > 0 {
		t.Errorf("the list: want it empty, got %v, %v", page, err)
	}
}

func shutdownCases() []one {
	return []one{
		{"ShutdownDrains", "Shutdown lets what was accepted end, and takes nothing more", shutdownDrains},
		{"ShutdownEnds", "Shutdown whose context is done ends what is left, as cancelled by the shutdown, or lets it go on", shutdownEnds},
	}
}

func shutdownDrains(b *bench) {
	t := b.t
	g := newGate(t)
	id := b.start(t, sh(awaitGate+"echo done", string(g)))
	b.until(t, id, started)
	ctx := patient(t)
	var through error
	var down sync.WaitGroup
	down.Go(func() { through = b.Shutdown(ctx) })
	for {
		if _, err := b.Execute(ctx, sh(":")); errors.Is(err, engine.ErrClosed) {
			break
		}
		if ctx.Err() != nil {
			t.Fatal("requests are still accepted")
		}
	}
	g.open(t)
	down.Wait()
	if through != nil {
		t.Errorf("Shutdown: %v", through)
	}
	if err := b.Shutdown(ctx); err != nil {
		t.Errorf("second Shutdown: %v", err)
	}
}

// outlived reports whether what runs goes on when the engine is shut down.
func (b *bench) outlived() bool {
	o, ok := b.API.(interface{ Outlives() bool })
	return ok && o.Outlives()
}

func shutdownEnds(b *bench) {
	t := b.t
	id := b.start(t, sh(heeds))
	done, cancel := context.WithCancel(patient(t))
	cancel()
	var through error
	var down sync.WaitGroup
	var last engine.Event
	for ev, err := range b.Watch(patient(t), id, 0) {
		if b.outlived() && errors.Is(err, engine.ErrClosed) {
			down.Wait()
			return
		}
		if err != nil {
			t.Fatalf("watch: %v", err)
		}
		if last = ev; string(ev.Line) == "ready" && !ev.Partial {
			down.Go(func() { through = b.Shutdown(done) })
		}
	}
	down.Wait()
	if !errors.Is(through, context.Canceled) {
		t.Errorf("Shutdown: want the context's error, got %v", through)
	}
	if last.Result == nil {
		t.Fatalf("the last event is %s, without a result", last.Kind)
	}
	want(t, "status", engine.Cancelled, last.Result.Status)
	want(t, "cause", engine.CauseShutdown, last.Result.Cause)
}
