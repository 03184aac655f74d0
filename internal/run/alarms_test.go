package run_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/run"
)

// Deadlines ring when they are due, in any order of setting, moved or not; those
// that were taken out do not.
func TestAlarms_RingWhenTheyAreDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex
		rung := map[string]time.Duration{}
		ring := func(name string) func() {
			return func() {
				mu.Lock()
				defer mu.Unlock()
				rung[name] = time.Since(start)
			}
		}
		var s run.Alarms
		late, early, moved, never := run.NewAlarm(ring("late")), run.NewAlarm(ring("early")),
			run.NewAlarm(ring("moved")), run.NewAlarm(ring("never"))
		s.Set(late, start.Add(time.Hour))
		s.Set(moved, start.Add(2*time.Hour))
		s.Set(never, start.Add(time.Minute))
		s.Set(early, start.Add(time.Second))
		s.Set(moved, start.Add(time.Minute))
		s.Clear(never)
		s.Clear(never)
		for _, at := range []time.Duration{time.Second, time.Minute, 3 * time.Hour} {
			<-time.After(at - time.Since(start))
			synctest.Wait()
		}
		for name, want := range map[string]time.Duration{"early": time.Second, "moved": time.Minute, "late": time.Hour} {
			if rung[name] != want {
				t.Errorf("%s rang after %v, want %v", name, rung[name], want)
			}
		}
		if len(rung) != 3 {
			t.Errorf("rung: %v", rung)
		}
		s.Set(never, start.Add(4*time.Hour)) // it can be set again
		<-time.After(2 * time.Hour)
		synctest.Wait()
		if rung["never"] != 4*time.Hour {
			t.Errorf("set again, it rang after %v", rung["never"])
		}
		s.Stop()
	})
}
