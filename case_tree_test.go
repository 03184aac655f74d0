//go:build linux

package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

func TestTREE01_PlainChildren(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c}), plant(t)
			id := start(t, e, g.bash("sleep 301 & sleep 302 & wait"))
			g.stands(t, 2, "sleep")
			wantCancelled(t, stopped(t, e, id), false)
			g.ended(t)
		})
	}
}

func TestTREE02_Pipeline(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c}), plant(t)
			id := start(t, e, g.bash("yes | cat | gzip >/dev/null"))
			g.stands(t, 1, "gzip")
			wantCancelled(t, stopped(t, e, id), false)
			g.ended(t)
			for line, name := range map[string]string{
				"sleep 300; true": "sleep", "sleep 300 & wait": "sleep", "(sleep 300); true": "sleep", "sleep 300 | cat": "sleep",
				"yes | cat | gzip >/dev/null": "gzip",
			} {
				r, timeout := g.timesOut(t, e, line, name)
				wantEnding(t, r, ending{engine.TimedOut, engine.CauseTimeout, false, engine.Actor{}})
				if r.Duration > timeout+tooLong {
					t.Errorf("%s: took %v", line, r.Duration)
				}
			}
		})
	}
}

func TestTREE03_IgnoresWhatAsksItToEnd(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c, Grace: 200 * time.Millisecond}), plant(t)
			id := start(t, e, g.bash("trap '' TERM INT HUP; echo ready; while :; do sleep 1; done"))
			until(t, e, id, printed("ready"))
			r := stopped(t, e, id)
			wantCancelled(t, r, true)
			if r.Signal != "KILL" || r.ExitCode != -1 {
				t.Errorf("want KILL told, got %q, code %d", r.Signal, r.ExitCode)
			}
			g.ended(t)
		})
	}
}

func TestTREE04_LeaderObeysAndItsChildDoesNot(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c}), plant(t)
			for stdio, forced := range map[string]bool{"": true, "</dev/null >/dev/null 2>&1": false} {
				request, r := g.bash("trap 'exit 0' TERM; (trap '' TERM; exec -a tree04 sleep 300) "+stdio+" & "+loop), engine.Result{ExitCode: -1}
				// How long the leader needs to obey, nobody knows beforehand.
				for request.Grace = 200 * time.Millisecond; r.ExitCode == -1 && request.Grace < tooLong; request.Grace *= 2 {
					id := start(t, e, request)
					g.stands(t, 1, "tree04")
					r = stopped(t, e, id)
					g.ended(t)
				}
				wantCancelled(t, r, forced)
				if r.ExitCode != 0 || r.Success {
					t.Errorf("want code 0 and no success, got %d, %v", r.ExitCode, r.Success)
				}
			}
		})
	}
}

// escape cancels a line of which a process named sleep has left the group, and
// whose leader waits for it or has exited.
func escape(t *testing.T, c engine.Containment, name, line string) engine.Result {
	t.Helper()
	e, g := open(t, engine.Config{Containment: c, Grace: 200 * time.Millisecond}), plant(t)
	id := start(t, e, g.bash(line))
	g.stands(t, 1, name)
	r := stopped(t, e, id)
	wantCancelled(t, r, r.Forced) // by whether it holds the output
	g.ended(t)
	return r
}

func TestTREE05_ChildInAGroupOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			escape(t, c, "tree05", "set -m; (exec -a tree05 sleep 300) & wait")
			escape(t, c, "tree05", "set -m; (exec -a tree05 sleep 300) </dev/null >/dev/null 2>&1 & wait")
		})
	}
}

func TestTREE06_ChildInASessionOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			escape(t, c, "tree06", "setsid bash -c 'exec -a tree06 sleep 300' & wait")
			escape(t, c, "tree06", "setsid bash -c 'exec -a tree06 sleep 300' </dev/null >/dev/null 2>&1 & wait")
		})
	}
}

func TestTREE07_Daemon(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			const daemon = `setsid bash -c 'cd /; (exec -a tree07 sleep 300) & exit' & wait $!; `
			escape(t, c, "tree07", daemon+"sleep 300 & wait")
			g := plant(t)
			request := g.bash(daemon + "exit 3") // it ends by itself, and the daemon holds its output
			request.WaitDelay = 200 * time.Millisecond
			r := do(t, open(t, engine.Config{Containment: c}), request)
			wantEnding(t, r, ending{engine.Failed, engine.CauseExit, false, engine.Actor{}})
			if r.ExitCode != 3 || !r.OutputIncomplete {
				t.Errorf("want code 3 and the daemon told of, got %d, %v", r.ExitCode, r.OutputIncomplete)
			}
			g.ended(t)
		})
	}
}

func TestTREE10_LeaderDiesFirst(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			for _, line := range []string{"setsid sleep 300 & exit 0", "sleep 300 & exit 0", "(trap '' TERM HUP; exec sleep 300) </dev/null >/dev/null 2>&1 & exit 0"} {
				g := plant(t)
				request := g.bash(line)
				request.WaitDelay = 200 * time.Millisecond
				r := do(t, open(t, engine.Config{Containment: c}), request)
				wantEnding(t, r, ending{engine.Completed, engine.CauseExit, false, engine.Actor{}})
				if r.ExitCode != 0 || r.Duration > tooLong {
					t.Errorf("%s: want code 0 soon, got %d after %v", line, r.ExitCode, r.Duration)
				}
				g.ended(t)
			}
		})
	}
}

// childrenOf are the processes of a parent, by the letter of their state.
func childrenOf(parent int, state string) (pids []int) {
	entries, _ := os.ReadDir("/proc") // it is there on Linux
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat")) // it may be gone
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 1 && fields[0] == state && fields[1] == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestTREE11_ChildThatNeverReaps(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c}), plant(t)
			n, gate := times(500, 100), filepath.Join(t.TempDir(), "gate")
			fifo(t, gate)
			id := start(t, e, g.bash(`echo $$; for i in $(seq "$1"); do (read -r _ <"$2") & done; exec sleep 300`, strconv.Itoa(n), gate))
			leader, err := strconv.Atoi(string(until(t, e, id, func(ev engine.Event) bool { return len(ev.Line) > 0 }).Line))
			if err != nil {
				t.Fatal(err)
			}
			g.stands(t, 1, "sleep") // which reaps nobody
			var zombies []int
			become(t, "zombies", func() bool {
				if open, err := os.OpenFile(gate, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
					_ = open.Close() // its opening is what they wait for
				}
				zombies = childrenOf(leader, "Z")
				return len(zombies) == n
			})
			wantCancelled(t, stopped(t, e, id), false)
			for _, mine := range childrenOf(os.Getpid(), "Z") {
				if slices.Contains(zombies, mine) {
					t.Errorf("zombie %d has become a child of this program", mine)
				}
			}
			g.ended(t)
		})
	}
}

func TestTREE12_NoExitCodeIsStolen(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c}), plant(t)
			together(times(1000, 200), func(i int) {
				id, err := e.Execute(t.Context(), g.bash(fmt.Sprintf("(sleep 0.05 &); exit %d", i%256)))
				if err != nil {
					t.Error(err)
					return
				}
				if r, err := e.Wait(t.Context(), id); err != nil || r.ExitCode != i%256 || r.Cause != engine.CauseExit {
					t.Errorf("want code %d, got %d by %s, %v", i%256, r.ExitCode, r.Cause, err)
				}
			})
			g.ended(t)
		})
	}
}

func TestTREE14_ManyProcesses(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c}), plant(t)
			n := times(1000, 200)
			id := start(t, e, g.bash(`for i in $(seq "$1"); do sleep 300 & done; wait`, strconv.Itoa(n)))
			g.stands(t, n, "sleep")
			if x := get(t, e, id); x.Status != engine.Running {
				t.Errorf("want it running, got %s", x.Status)
			}
			wantCancelled(t, stopped(t, e, id), false)
			g.ended(t)
		})
	}
}

func TestTREE15_OneTERMOnly(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e := open(t, engine.Config{Containment: c, Grace: tooLong})
			id := start(t, e, bash(`n=0; trap 'n=$((n+1)); echo "TERM $n"' TERM; echo ready
				until [ $n -gt 0 ]; do sleep 0.02; done; for i in $(seq 15); do sleep 0.05 & wait $!; done; echo "count=$n"`))
			until(t, e, id, printed("ready"))
			r := stopped(t, e, id)
			wantCancelled(t, r, false)
			if want := "ready\nTERM 1\ncount=1\n"; r.Stdout != want || r.ExitCode != 0 {
				t.Errorf("want %q and code 0, got %q, %d", want, r.Stdout, r.ExitCode)
			}
		})
	}
}

// The leader gets its time to clean up although TERM reaches all of its group.
func TestTREE16_LeaderCleansUp(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e, g := open(t, engine.Config{Containment: c, Grace: tooLong}), plant(t)
			id := start(t, e, g.bash(`trap 'kill -TERM $p; wait $p; echo clean; exit 0' TERM
				(trap '' TERM; exec -a tree16 sleep 300) </dev/null >/dev/null 2>&1 & (exec -a child sleep 300) & p=$!; echo ready; `+loop))
			until(t, e, id, printed("ready"))
			g.stands(t, 1, "tree16")
			g.stands(t, 1, "child") // a shell on its way to that may take the signal and forget it
			r := stopped(t, e, id)
			wantCancelled(t, r, false)
			if r.Stdout != "ready\nclean\n" || r.ExitCode != 0 {
				t.Errorf("want it cleaned up, with code 0; got %q, %d", r.Stdout, r.ExitCode)
			}
			g.ended(t) // the member that ignores TERM too
		})
	}
}

func TestTREE17_StopSignalOfTheRequest(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e := open(t, engine.Config{Containment: c, Grace: tooLong})
			request := bash(`trap 'exit 42' INT; echo ready; while :; do sleep 0.02; done`)
			request.StopSignal = "INT"
			id := start(t, e, request)
			until(t, e, id, printed("ready"))
			r := stopped(t, e, id)
			wantCancelled(t, r, false)
			if r.ExitCode != 42 || r.Signal != "" {
				t.Errorf("want code 42, got %d, %q", r.ExitCode, r.Signal)
			}
		})
	}
}

// What has no process is cancelled without a signal to anybody. That a number
// below 2 is never signalled is tested where signals are sent.
func TestTREE19_CancelOfWhatHasNoProcess(t *testing.T) {
	t.Parallel()
	for _, c := range containments(t) {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			e := open(t, engine.Config{Containment: c, MaxConcurrent: 2})
			bystander := start(t, e, bash("sleep 300"))
			until(t, e, bystander, isStart)
			path := filepath.Join(t.TempDir(), "no-program")
			if err := os.WriteFile(path, []byte("none\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			unspawned := do(t, e, engine.Request{Command: engine.Exec(path)})
			wantError(t, "of one that could not be started", e.Cancel(t.Context(), unspawned.ID, engine.Cancellation{Force: true}), engine.ErrFinished)
			blocker := start(t, e, bash("sleep 300"))
			until(t, e, blocker, isStart)
			queued := start(t, e, bash("sleep 300"))
			r := stopped(t, e, queued)
			wantCancelled(t, r, false)
			if !r.StartedAt.IsZero() || errors.Is(e.Cancel(t.Context(), queued, engine.Cancellation{}), nil) {
				t.Errorf("it ran, from %v on, or can be cancelled twice", r.StartedAt)
			}
			for _, id := range []engine.ID{bystander, blocker} {
				if x := get(t, e, id); x.Status != engine.Running {
					t.Errorf("want the others untouched, got %s", x.Status)
				}
			}
		})
	}
}
