package process_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// A keeper is a process like any other here: the leader of a tree that does some work.
func TestCensus_TellsTheLoadOfWhatDescendsFromAKeeper(t *testing.T) {
	t.Parallel()
	table := openAs(t, process.InGroup)
	p, w := start(t, table, sh("(while :; do :; done) & (sleep 300 & wait) & echo ready; wait"))
	within(t, "line", w.lines)
	trail := process.Trail{Keeper: process.IdentityOf(p.Pid())}
	var load process.Load
	for load.Processes != 3 || load.CPUTime < 50*time.Millisecond {
		now, known := process.TakeCensus().Load(trail)
		if !known || now.CPUTime < load.CPUTime {
			t.Fatalf("after %+v the load is %+v, known %t", load, now, known)
		}
		load = now
	}
	if load.MemoryBytes < 3*100<<10 || load.MemoryBytes > 1<<30 {
		t.Errorf("three processes have %d bytes in memory", load.MemoryBytes)
	}
	for what, keeper := range map[string]process.Identity{
		"another one of its number": {Pid: p.Pid(), Started: trail.Keeper.Started + 1, Boot: trail.Keeper.Boot},
		"one of an earlier start":   {Pid: p.Pid(), Started: trail.Keeper.Started, Boot: "earlier"},
		"nobody":                    {Pid: 1 << 30, Boot: trail.Keeper.Boot},
	} {
		if load, known := process.TakeCensus().Load(process.Trail{Keeper: keeper}); known {
			t.Errorf("the load below %s is %+v", what, load)
		}
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	within(t, "end", w.ended)
}

func TestCensus_TellsTheLoadOfACgroup(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		if c != process.InCgroup {
			continue
		}
		table := openAs(t, c)
		p, w := start(t, table, sh(daemon+"; echo ready; exec sleep 300"))
		within(t, "line", w.lines)
		trail := process.Trail{Cgroup: table.Cgroup(), Keeper: process.Self()}
		for load := (process.Load{}); load.Processes != 2; { // the daemon has no parent that we know
			load, _ = process.TakeCensus().Load(trail)
		}
		p.EndRest()
		within(t, "end", w.ended)
		if load, known := process.TakeCensus().Load(trail); !known || load.Processes != 0 {
			t.Errorf("the load of an empty one is %+v, known %t", load, known)
		}
	}
}
