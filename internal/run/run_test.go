//go:build linux

package run_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
	"github.com/escher-dbai/cloudops-engine/internal/process"
	"github.com/escher-dbai/cloudops-engine/internal/redact"
	"github.com/escher-dbai/cloudops-engine/internal/run"
)

func TestMain(m *testing.M) {
	process.ReaperMain()
	goleak.VerifyTestMain(m)
}

// execution is one run as a test sees it.
type execution struct {
	*run.Run
	t       *testing.T
	journal *journal.Journal
	began   time.Time
	ended   chan run.Ending
	phases  chan run.Phase
}

// start runs a shell command. The stop is quick where the test says nothing else.
func start(t *testing.T, command string, change ...func(*run.Spec)) *execution {
	t.Helper()
	return startIn(t, "", command, change...)
}

// startIn is start in a containment.
func startIn(t *testing.T, c process.Containment, command string, change ...func(*run.Spec)) *execution {
	t.Helper()
	return startOn(t, runnerIn(t, c), command, change...)
}

// runnerIn is a runner that is closed at the end of the test.
func runnerIn(t *testing.T, c process.Containment) *run.Runner {
	t.Helper()
	runner, err := run.NewRunner(process.Options{Containment: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = runner.Close() })
	return runner
}

func startOn(t *testing.T, runner *run.Runner, command string, change ...func(*run.Spec)) *execution {
	t.Helper()
	x := &execution{
		t: t, journal: journal.New(&journal.Options{}), began: time.Now(),
		ended: make(chan run.Ending, 2), phases: make(chan run.Phase, 10),
	}
	mark := "RUN_TEST_MARK=" + t.Name() + strconv.FormatInt(x.began.UnixNano(), 36)
	spec := &run.Spec{
		Process: process.Spec{
			Path: "/bin/bash", Args: []string{"bash", "-c", command}, Env: os.Environ(), Mark: mark,
		},
		Terms: run.Terms{
			Journal: x.journal, Grace: 10 * time.Second, WaitDelay: 10 * time.Second,
			Phase: func(p run.Phase) { x.phases <- p },
		},
	}
	for _, c := range change {
		c(spec)
	}
	var err error
	if x.Run, err = runner.Start(spec, func(e run.Ending) { x.ended <- e }); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *execution) wait() run.Ending {
	x.t.Helper()
	select {
	case e := <-x.ended:
		return e
	case <-time.After(60 * time.Second):
		x.t.Fatal("no ending after a minute")
	}
	return run.Ending{}
}

// until waits for the command to have written text.
func (x *execution) until(text string) {
	x.t.Helper()
	buf := make([]journal.Record, 16)
	for at, seen := int64(0), ""; !strings.Contains(seen, text); {
		n, next, err := x.journal.Read(x.t.Context(), at, buf)
		if err != nil {
			x.t.Fatal(err)
		}
		for _, r := range buf[:n] {
			seen += string(r.Data)
		}
		at = next
	}
}

func (x *execution) output(s journal.Stream) string {
	head, tail := x.journal.Kept(s)
	return string(head) + string(tail)
}

func TestRun_TellsHowItEnded(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			for command, want := range map[string]run.Ending{
				"true":            {Cause: run.Exited},
				"exit 3":          {Cause: run.Exited, State: process.State{Code: 3}},
				"kill -SEGV $$":   {Cause: run.Signaled, State: process.State{Code: -1, Signal: syscall.SIGSEGV}},
				"exit 143":        {Cause: run.Exited, State: process.State{Code: 143}},
				"sleep 0 & exit":  {Cause: run.Exited},
				"exec >&- 2>&- ;": {Cause: run.Exited},
			} {
				x := startIn(t, c, command)
				got := x.wait()
				if got.Cause != want.Cause || got.State.Code != want.State.Code || got.State.Signal != want.State.Signal {
					t.Errorf("%s: ended by %s, code %d, signal %d; want %s, %d, %d", command,
						got.Cause, got.State.Code, got.State.Signal, want.Cause, want.State.Code, want.State.Signal)
				}
				if got.Forced || got.PipeHeld || got.Survivors != nil || got.Ended.Before(got.Started) {
					t.Errorf("%s: ending is %+v", command, got)
				}
			}
		})
	}
}

func TestStop_EndsACommandThatObeys(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			x := startIn(t, c, `trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done`)
			x.until("up")
			if !x.Stop(run.Cancelled, nil) {
				t.Error("the first stop did not win")
			}
			got := x.wait()
			if got.Cause != run.Cancelled || got.State.Code != 0 || got.Forced {
				t.Errorf("a command that exits 0 when cancelled: %+v", got)
			}
			if out := x.output(journal.Stdout); out != "up\nbye\n" {
				t.Errorf("stdout is %q", out)
			}
			if x.Stop(run.TimedOut, nil) || x.Kill(run.TimedOut, nil) {
				t.Error("a stop after the end won")
			}
		})
	}
}

func TestStop_SendsItsSignalOnceAndThenKills(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			var x *execution
			var got run.Ending
			// How long a shell needs to say that it was asked, nobody knows beforehand.
			for grace, out := 300*time.Millisecond, "up\n"; out == "up\n" && grace < time.Minute; grace *= 2 {
				x = startIn(t, c, `trap 'echo INT' INT; echo up; while :; do sleep 0.01; done`, func(s *run.Spec) {
					s.StopSignal, s.Grace = syscall.SIGINT, grace
				})
				x.until("up")
				for range 100 {
					x.Stop(run.Cancelled, nil)
				}
				got, out = x.wait(), x.output(journal.Stdout)
			}
			if got.Cause != run.Cancelled || got.State.Signal != syscall.SIGKILL || !got.Forced {
				t.Errorf("a command that ignores the stop: %+v", got)
			}
			if out := x.output(journal.Stdout); out != "up\nINT\n" {
				t.Errorf("100 stops came as %q", out)
			}
			if got, want := []run.Phase{<-x.phases, <-x.phases}, []run.Phase{run.Stopping, run.Killing}; !cmp.Equal(got, want) {
				t.Errorf("phases are %v, want %v", got, want)
			}
		})
	}
}

func TestKill_CutsTheGraceShort(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			x := startIn(t, c, `trap '' TERM; echo up; while :; do sleep 0.01; done`, func(s *run.Spec) { s.Grace = time.Hour })
			x.until("up")
			x.Stop(run.Cancelled, nil)
			if x.Kill(run.TimedOut, nil) {
				t.Error("the kill after a stop won")
			}
			if got := x.wait(); got.Cause != run.Cancelled || !got.Forced {
				t.Errorf("ending is %+v", got)
			}
		})
	}
}

func TestIdleTimeout_CountsFromTheLastOutput(t *testing.T) {
	t.Parallel()
	const all = "1\n2\n3\n4\n5\n6\n"
	var got run.Ending
	var out string
	// A slow machine may be silent for longer before the first line, or between two.
	for idle := 500 * time.Millisecond; out != all && idle < time.Minute; idle *= 2 {
		line := fmt.Sprintf("for i in 1 2 3 4 5 6; do echo $i; sleep %f; done; sleep 314", idle.Seconds()/5)
		x := start(t, line, func(s *run.Spec) { s.IdleTimeout, s.Timeout = idle, time.Hour })
		got, out = x.wait(), x.output(journal.Stdout)
	}
	if got.Cause != run.IdleTooLong || out != all {
		t.Errorf("ending is %+v with %q", got, out)
	}
}

func TestOutputLimit_EndsAWriterAndOneThatWroteAndSleeps(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"yes", "head -c 200000 /dev/zero; sleep 315"} {
		x := start(t, command, func(s *run.Spec) { s.MaxOutputBytes = 100_000 })
		if got := x.wait(); got.Cause != run.TooMuch {
			t.Errorf("%s: ending is %+v", command, got)
		}
	}
	for range 50 { // also where it exits while its last bytes are being read
		x := start(t, "head -c 130000 /dev/zero", func(s *run.Spec) { s.MaxOutputBytes = 129_000 })
		if got := x.wait(); got.Cause != run.TooMuch {
			t.Fatalf("a little more than the limit: ending is %+v", got)
		}
	}
	x := start(t, "head -c 100000 /dev/zero", func(s *run.Spec) { s.MaxOutputBytes = 100_000 })
	if got := x.wait(); got.Cause != run.Exited {
		t.Errorf("just the limit: ending is %+v", got)
	}
}

func TestSecrets_ReachNeitherJournalNorTeeNorLog(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var tee, log bytes.Buffer
	x := start(t, "printf 'tok=hunter2'; sleep 0.1; printf 'secret end\n'", func(s *run.Spec) {
		s.Secrets = redact.NewSecrets(redact.New([]string{"hunter2secret"}, redact.Options{}))
		s.Log = &log
		s.Process.Blocking = true
		s.Tee = func(_ journal.Stream, p []byte) {
			mu.Lock()
			defer mu.Unlock()
			tee.Write(p)
		}
	})
	got := x.wait()
	want := "tok=" + redact.Mask + " end\n"
	for name, have := range map[string]string{"journal": x.output(journal.Stdout), "tee": tee.String(), "log": log.String()} {
		if have != want {
			t.Errorf("%s has %q, want %q", name, have, want)
		}
	}
	if got.Masks != 1 {
		t.Errorf("%d masks, want 1", got.Masks)
	}
}

// A tee that is slow, because whoever reads our output is, costs no byte: the time
// is ours and not that of a process which holds the pipe.
func TestTee_MayBeSlowerThanTheWaitDelay(t *testing.T) {
	t.Parallel()
	var got atomic.Int64
	x := start(t, "head -c 196000 /dev/zero", func(s *run.Spec) {
		s.WaitDelay = 300 * time.Millisecond
		s.Process.Blocking = true
		s.Tee = func(_ journal.Stream, p []byte) {
			<-time.After(600 * time.Millisecond)
			got.Add(int64(len(p)))
		}
	})
	if end := x.wait(); end.PipeHeld || got.Load() != 196000 {
		t.Errorf("%d bytes of 196000, ending %+v", got.Load(), end)
	}
}

func TestTee_ThatNeverReturnsDoesNotOutliveAKill(t *testing.T) {
	t.Parallel()
	inside, stuck := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	x := start(t, "yes", func(s *run.Spec) {
		s.Grace = 50 * time.Millisecond
		s.Process.Blocking = true
		s.Tee = func(journal.Stream, []byte) {
			close(inside)
			<-stuck
		}
	})
	<-inside
	x.Stop(run.TimedOut, nil)
	for p := <-x.phases; p != run.Killing; p = <-x.phases {
	}
	killed := time.Now()
	x.Kill(run.Cancelled, nil) // the caller has lost patience
	if end := x.wait(); end.Cause != run.TimedOut || !end.PipeHeld || end.Ended.Sub(killed) > teeLimit {
		t.Errorf("ending %v after the kill: %+v", end.Ended.Sub(killed), end)
	}
}

// Where nobody comes to read a pipe in time, because the machine is busy, it is not said that
// somebody holds it: the end of what was killed is there.
func TestKill_OnABusyMachineLeavesNoPipeHeld(t *testing.T) {
	t.Parallel()
	runner := runnerIn(t, "")
	busy, letGo := make(chan struct{}), make(chan struct{})
	other := startOn(t, runner, "echo once", func(s *run.Spec) {
		s.Tee = func(journal.Stream, []byte) { // called by who reads all pipes of the runner
			close(busy)
			<-letGo
		}
	})
	x := startOn(t, runner, `(trap '' TERM; while :; do sleep 0.01; done) & wait`)
	<-busy
	x.Kill(run.Cancelled, nil)
	<-time.After(time.Second) // far more than pipes are waited for
	close(letGo)
	if end := x.wait(); end.PipeHeld || end.Cause != run.Cancelled || len(end.Survivors) > 0 {
		t.Errorf("ending is %+v", end)
	}
	other.wait()
}

// teeLimit is far above what the run allows a tee after a kill in a hurry.
const teeLimit = 4 * time.Second

func TestStop_EndsTheWaitForOutputOfOneThatHasExited(t *testing.T) {
	t.Parallel()
	x := start(t, "setsid sleep 316 & echo hi", func(s *run.Spec) { s.WaitDelay = time.Hour })
	x.until("hi")
	<-time.After(300 * time.Millisecond) // it has exited by now, or is stopped: both end
	x.Stop(run.Cancelled, nil)
	if end := x.wait(); len(end.Survivors) > 0 {
		t.Errorf("ending is %+v", end)
	}
}

func TestLog_ThatCannotBeWrittenIsToldAndHurtsNobody(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	t.Cleanup(func() { _ = full.Close() })
	x := start(t, "echo hi; echo ho", func(s *run.Spec) { s.Log = full })
	if got := x.wait(); got.LogError == nil || got.State.Code != 0 || x.output(journal.Stdout) != "hi\nho\n" {
		t.Errorf("ending is %+v with %q", got, x.output(journal.Stdout))
	}
}

func TestStop_AmongExitsAndTimeoutsHasOneWinner(t *testing.T) {
	t.Parallel()
	n := 200
	if os.Getenv("CLOUDOPS_TEST_FULL") == "1" {
		n = 20_000
	}
	var all sync.WaitGroup
	runner := runnerIn(t, "")
	for i := range n {
		all.Go(func() {
			x := startOn(t, runner, "sleep 0.05", func(s *run.Spec) {
				s.Timeout = 50 * time.Millisecond
				s.Process.Path, s.Process.Args = "/bin/sleep", []string{"sleep", "0.05"}
			})
			<-time.After(time.Duration(40+i%20) * time.Millisecond)
			won := x.Stop(run.Cancelled, nil)
			got := x.wait()
			if won != (got.Cause == run.Cancelled) {
				t.Errorf("stop won: %v, cause is %s", won, got.Cause)
			}
			if got.Cause == run.Exited && got.State.Code != 0 || got.Cause == run.Signaled {
				t.Errorf("ending is %+v", got)
			}
			select {
			case again := <-x.ended:
				t.Errorf("ended twice: %+v and %+v", got, again)
			default:
			}
		})
		if i%20 == 19 {
			all.Wait()
		}
	}
}

// A deadline that was moved is kept, one that was moved back is not; and what is being
// ended is not helped.
func TestExtend_MovesTheDeadline(t *testing.T) {
	t.Parallel()
	x := start(t, "sleep 2.2; echo late", func(s *run.Spec) { s.Timeout = 2 * time.Second })
	if !x.Extend(time.Hour) || !x.Extend(time.Millisecond) {
		t.Error("want both to be taken")
	}
	if got := x.wait(); got.Cause != run.Exited {
		t.Errorf("want it to end by itself, got %+v", got)
	}
	if x.Extend(2 * time.Hour) {
		t.Error("it was extended after its end")
	}
	x = start(t, "sleep 60")
	if x.Extend(time.Hour) {
		t.Error("one without a timeout was extended")
	}
	x.Stop(run.Cancelled, nil)
	x.wait()
}
