package process_test

import (
	"errors"
	"maps"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// enforced skips a test where a table cannot limit a resource.
func enforced(t *testing.T, table *process.Table, r process.Resource) {
	t.Helper()
	for _, e := range table.Enforcements() {
		if e.Resource == r && e.Why != nil {
			t.Skipf("%s cannot be limited here: %v", r, e.Why)
		}
	}
}

func TestLimits_EndWhoNeedsMoreMemory(t *testing.T) {
	t.Parallel()
	for way, table := range bothWays(t) {
		enforced(t, table, process.Memory)
		spec := fixture(t, "hog")
		spec.Limits.MemoryBytes = 64 << 20
		p, w := start(t, table, spec)
		within(t, "end", w.ended)
		if w.state.Signal != syscall.SIGKILL || strings.Contains(w.text(process.Stdout), "survived") {
			t.Errorf("%s: it ended by %+v, said %q", way, w.state, w.text(process.Stdout))
		}
		if got, want := p.Hits(), (process.Hits{Memory: true}); got != want {
			t.Errorf("%s: hits are %+v, want %+v", way, got, want)
		}
	}
}

// hogFixture uses more and more memory.
func hogFixture() {
	var all [][]byte
	for range 512 {
		block := make([]byte, 1<<20)
		for i := range block {
			block[i] = 1
		}
		all = append(all, block)
	}
	say("survived " + strconv.Itoa(len(all)))
}

// A KILL that somebody sent is none of the limit's.
func TestHits_AreNotOfAKillFromOutside(t *testing.T) {
	t.Parallel()
	table := open(t)
	enforced(t, table, process.Memory)
	spec := sh("exec sleep 300")
	spec.Limits.MemoryBytes = 64 << 20
	p, w := start(t, table, spec)
	_ = syscall.Kill(p.Pid(), syscall.SIGKILL)
	within(t, "end", w.ended)
	if hits := p.Hits(); hits != (process.Hits{}) {
		t.Errorf("hits are %+v", hits)
	}
}

func TestLimits_LetNoMoreProcessesBeThanTheyMay(t *testing.T) {
	t.Parallel()
	for way, table := range bothWays(t) {
		enforced(t, table, process.Processes)
		spec := interactive("read go; for i in 1 2 3 4 5 6 7 8 9; do sleep 300 <&- & done; wait")
		spec.Limits.Processes = 5
		p, w := start(t, table, spec)
		write(t, p, "\n")           // now it is limited, however it was started
		within(t, "exit", w.exited) // the shell gives up
		// ForkExec's child is limited from a moment after its start.
		if n := len(p.Rest()); n > 4 && way == "raw" && p.Containment() == process.InCgroup {
			t.Errorf("%d processes beside the shell", n)
		}
		if got, want := p.Hits(), (process.Hits{Processes: true}); got != want {
			t.Errorf("%s: hits are %+v, want %+v", way, got, want)
		}
		p.EndRest()
		_ = p.Signal(syscall.SIGKILL)
		within(t, "end", w.ended)
	}
}

func TestLimits_ShareOutTheProcessors(t *testing.T) {
	t.Parallel()
	table := open(t)
	enforced(t, table, process.CPUs)
	spec := sh("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done") // 0.1 s or more of a processor
	spec.Limits.CPUs = 0.1
	before := time.Now()
	_, w := start(t, table, spec)
	within(t, "end", w.ended)
	used := w.state.Usage.UserTime + w.state.Usage.SystemTime
	if share := used.Seconds() / time.Since(before).Seconds(); share > 0.3 {
		t.Errorf("it had %.2f of a processor, and may have 0.1", share)
	}
}

func TestLimits_OfDescriptorsHoldForEachProcess(t *testing.T) {
	t.Parallel()
	for way, table := range bothWays(t) {
		command := "ulimit -Sn; ulimit -Hn; sh -c 'ulimit -n'"
		if way == "ForkExec" { // whose child is limited from a moment after its start
			command = "i=0; while [ $(ulimit -Sn) != 64 ] && [ $i -lt 3000 ]; do sleep 0.01; i=$((i+1)); done; " + command
		}
		spec := sh(command)
		spec.Limits.OpenFiles = 64
		if got, want := said(t, table, spec), "64\n64\n64\n"; got != want {
			t.Errorf("%s: %q, want %q", way, got, want)
		}
	}
}

func TestLimits_LeaveNothingBehind(t *testing.T) {
	table := open(t)
	enforced(t, table, process.Memory)
	enforced(t, table, process.Processes)
	var first int
	for round := range 20 {
		spec := sh("sleep 0 & wait")
		spec.Limits = process.Limits{MemoryBytes: 64 << 20, CPUs: 1, Processes: 10, OpenFiles: 100}
		p, w := start(t, table, spec)
		within(t, "end", w.ended)
		p.Close()
		switch now := descriptors(t); {
		case round == 0:
			first = now
		case now != first:
			t.Fatalf("round %d: %d descriptors, %d after the first", round, now, first)
		}
	}
	if dirs := process.LimitGroups(table); len(dirs) > 1 {
		t.Errorf("still there: %v", dirs)
	}
}

func TestLimits_ThatCannotBeKeptAreRefusedOrNot(t *testing.T) {
	t.Parallel()
	table := open(t)
	process.ForgetControllers(table)
	spec := sh("ulimit -d")
	spec.Limits.MemoryBytes = 64 << 20
	_, err := table.Start(spec, newWatched())
	if !errors.Is(err, process.ErrUnenforced) || !strings.Contains(err.Error(), "memory_bytes") {
		t.Errorf("the error is %v, want one that names memory_bytes", err)
	}
	spec.Limits.BestEffort = true
	if got, want := said(t, table, spec), "65536\n"; got != want { // KiB of each process
		t.Errorf("with best effort it said %q, want %q", got, want)
	}
}

func TestKnobs_OfBothVersions(t *testing.T) {
	t.Parallel()
	limits := process.Limits{MemoryBytes: 1 << 20, CPUs: 1.5, Processes: 7}
	got := map[string]string{}
	for _, two := range []bool{true, false} {
		for _, r := range limits.Asked() {
			maps.Copy(got, process.Knobs(r, &limits, two))
		}
	}
	want := map[string]string{
		"memory.max": "1048576", "memory.swap.max": "0", "memory.oom.group": "1", "cpu.max": "150000 100000", "pids.max": "7",
		"memory.limit_in_bytes": "1048576", "memory.memsw.limit_in_bytes": "1048576",
		"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "150000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("knobs (-want +got):\n%s", diff)
	}
}

func TestStart_GivesNoNewPrivilegesWhereAsked(t *testing.T) {
	t.Parallel()
	for way, table := range bothWays(t) {
		for _, asked := range []bool{true, false} {
			spec := sh("grep NoNewPrivs /proc/self/status")
			spec.NoNewPrivileges = asked
			if got := strings.Fields(said(t, table, spec))[1]; (got == "1") != asked {
				t.Errorf("%s: asked %v, got %s", way, asked, got)
			}
		}
	}
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil || !strings.Contains(string(status), "NoNewPrivs:\t0") {
		t.Errorf("our own thread has got it too: %v", err)
	}
}

// What this program has from its parent, and its children shall not have.
func TestStart_PassesOnNeitherMaskNorScoreNorCores(t *testing.T) {
	t.Parallel()
	want := "SigBlk:\t0000000000000000\n0\n0\n"
	if got := inFixture(t, "mannered", "ulimit -Sc 1000; (echo -500 >/proc/$$/oom_score_adj) 2>/dev/null; "); got != want+want {
		t.Errorf("the children have\n%swant\n%s", got, want+want)
	}
}

// manneredFixture blocks signals and starts children.
func manneredFixture() {
	process.BlockSignals(syscall.SIGTERM, syscall.SIGUSR1)
	for _, portable := range []bool{false, true} {
		table, _ := process.NewTable(process.Options{})
		if portable {
			process.ForceForkExec(table)
		}
		w := newWatched()
		p, err := table.Start(sh("grep SigBlk /proc/self/status; sleep 0; cat /proc/self/oom_score_adj; ulimit -c"), w)
		if err != nil {
			say(err)
			return
		}
		<-w.ended
		p.Close()
		_, _ = os.Stdout.WriteString(w.text(process.Stdout))
		_ = table.Close()
	}
}
