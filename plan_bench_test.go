package engine_test

import (
	"testing"

	engine "github.com/escher-dbai/cloudops-engine"
)

// trivial are as many commands as cheap as a process can be, as a parallel plan.
func trivial(n int) engine.Plan {
	p := engine.Plan{Strategy: engine.PlanStrategy{Type: engine.ParallelPlan}}
	for range n {
		p.Commands = append(p.Commands, engine.PlanCommand{Request: engine.Request{Command: engine.Exec("true")}})
	}
	return p
}

// A plan of trivial commands against the same by Execute in a loop: their ratio is what a
// plan costs. Run with -benchtime=10000x, so that both are of ten thousand.
func BenchmarkPlan_TrivialCommands(b *testing.B) {
	newEngine := func(b *testing.B) *engine.Engine {
		b.Helper()
		e, err := engine.New(engine.Config{MaxQueued: b.N, MaxFinished: b.N + 1})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = e.Shutdown(b.Context()) })
		return e
	}
	b.Run("plan", func(b *testing.B) {
		e, p := newEngine(b), trivial(b.N)
		b.ResetTimer()
		id, err := e.ExecutePlan(b.Context(), p)
		if err != nil {
			b.Fatal(err)
		}
		if r, err := e.WaitPlan(b.Context(), id); err != nil || r.Stats.Completed != b.N {
			b.Fatalf("%v: %+v", err, r.Stats)
		}
	})
	b.Run("loop", func(b *testing.B) {
		e := newEngine(b)
		b.ResetTimer()
		ids := make([]engine.ID, b.N)
		for i := range ids {
			var err error
			if ids[i], err = e.Execute(b.Context(), engine.Request{Command: engine.Exec("true")}); err != nil {
				b.Fatal(err)
			}
		}
		for _, id := range ids {
			if r, err := e.Wait(b.Context(), id); err != nil || !r.Success {
				b.Fatalf("%v: %+v", err, r)
			}
		}
	})
}
