package supervisor_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/supervisor"
)

// benchEngine is an engine over a runner, nil for its own.
func benchEngine(b *testing.B, r engine.Runner) *engine.Engine {
	b.Helper()
	e, err := engine.New(engine.Config{Runner: r})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.Shutdown(context.Background()) })
	return e
}

func benchRunner(b *testing.B, warm int) (*supervisor.Runner, string) {
	b.Helper()
	dir := b.TempDir()
	r, err := supervisor.New(supervisor.Options{Dir: dir, Warm: warm})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = r.Close() })
	return r, dir
}

// do runs a command, and returns how long it took from the request to the result, and
// of that to the start.
func do(b *testing.B, e *engine.Engine, r engine.Request) (all, start time.Duration) {
	b.Helper()
	begin := time.Now()
	id, err := e.Execute(context.Background(), r)
	if err != nil {
		b.Fatal(err)
	}
	result, err := e.Wait(context.Background(), id)
	if err != nil || result.ExitCode != 0 {
		b.Fatalf("%+v, %v", result, err)
	}
	return time.Since(begin), result.StartedAt.Sub(begin)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// What a supervisor adds to a command that does nothing: in turn with one of this program,
// so that what else the machine does hits both. A recorder, too.
func BenchmarkRunner_AddedToEachCommand(b *testing.B) {
	r, _ := benchRunner(b, 0)
	warm, _ := benchRunner(b, 1)
	recorder, err := supervisor.NewRecorder(supervisor.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = recorder.Close() })
	engines := []*engine.Engine{benchEngine(b, nil), benchEngine(b, r), benchEngine(b, recorder), benchEngine(b, warm)}
	all, starts := make([][]time.Duration, len(engines)), make([][]time.Duration, len(engines))
	for b.Loop() {
		for i, e := range engines {
			took, start := do(b, e, engine.Request{Command: engine.Exec("true")})
			all[i], starts[i] = append(all[i], took), append(starts[i], start)
		}
	}
	here := median(all[0])
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(here), "ms/in-process")
	b.ReportMetric(ms(median(all[1])-here), "ms/added-supervised")
	b.ReportMetric(float64(median(all[1]))/float64(here), "x/supervised")
	b.ReportMetric(ms(median(starts[1])), "ms/start-supervised")
	b.ReportMetric(ms(median(all[2])-here), "ms/added-recorded")
	b.ReportMetric(ms(median(all[3])-here), "ms/added-warm")
	b.ReportMetric(float64(median(all[3]))/float64(here), "x/warm")
	b.ReportMetric(0, "ns/op")
}

// Reading 64 MiB of output: what goes through a supervisor's files against memory.
func BenchmarkRunner_Output(b *testing.B) {
	r, _ := benchRunner(b, 1)
	engines := []*engine.Engine{benchEngine(b, nil), benchEngine(b, r)}
	took := make([][]time.Duration, len(engines))
	for b.Loop() {
		for i, e := range engines {
			d, _ := do(b, e, sh("head -c 67108864 /dev/zero"))
			took[i] = append(took[i], d)
		}
	}
	b.ReportMetric(float64(median(took[1]))/float64(median(took[0])), "x/supervised")
	b.ReportMetric(0, "ns/op")
}

// Many that run: how much memory a supervisor has, and how long it takes to find them all.
func BenchmarkRunner_FindsManyAgain(b *testing.B) {
	const many = 200
	r, dir := benchRunner(b, 0)
	e, err := engine.New(engine.Config{Runner: r, MaxConcurrent: many})
	if err != nil {
		b.Fatal(err)
	}
	gate := dir + "/gate"
	ids := make([]engine.ID, many)
	for i := range ids {
		if ids[i], err = e.Execute(context.Background(), sh("echo one; "+awaitGateSlowly, gate)); err != nil {
			b.Fatal(err)
		}
	}
	for _, id := range ids {
		for ev, err := range e.Watch(context.Background(), id, 0) {
			if err != nil {
				b.Fatal(err)
			}
			if string(ev.Line) == "one" {
				break
			}
		}
	}
	var memory []float64
	for _, id := range ids {
		memory = append(memory, pss(b, dir, id))
	}
	slices.Sort(memory)
	var took []time.Duration
	for b.Loop() {
		again, err := supervisor.New(supervisor.Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		var group sync.WaitGroup
		for _, id := range ids {
			group.Go(func() {
				if _, err := again.Find(context.Background(), &engine.Launch{
					ID: id, Journal: journal.New(&journal.Options{}), Started: func() {}, Phase: func(engine.EventKind) {}, Ended: func(engine.Ending) {},
				}); err != nil {
					b.Error(err)
				}
			})
		}
		group.Wait()
		took = append(took, time.Since(begin))
		_ = again.Close()
	}
	b.ReportMetric(float64(median(took).Milliseconds()), "ms/find-200")
	b.ReportMetric(memory[many/2], "MB-pss/median")
	b.ReportMetric(memory[many-1], "MB-pss/most")
	b.ReportMetric(0, "ns/op")
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		b.Fatal(err)
	}
	_ = e.Shutdown(context.Background())
}

const awaitGateSlowly = `until [ -e "$1" ]; do sleep 1; done`

var pssLine = regexp.MustCompile(`(?m)^Pss:\s+(\d+) kB`)

// pss is the memory of the supervisor of an execution, its share of what is shared
// included.
func pss(b *testing.B, dir string, id engine.ID) float64 {
	b.Helper()
	state := folderOf(b, dir, id)
	var d described
	if err := state.Description(&d); err != nil {
		b.Fatal(err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", d.Keeper.Pid))
	if err != nil {
		b.Fatal(err)
	}
	kb, err := strconv.Atoi(string(pssLine.FindSubmatch(text)[1]))
	if err != nil {
		b.Fatal(err)
	}
	return float64(kb) / 1024
}
