package cli_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/cli"
)

// stepOf is the event that a command of a plan became something.
func stepOf(index, done, total int, name string, state engine.PlanState) *engine.Event {
	id := engine.ID{15: byte(index + 1)}
	if state == engine.PlanSkipped {
		id = engine.ID{}
	}
	return &engine.Event{Kind: engine.PlanProgressed, Time: now(), Progress: &engine.Progress{
		Completed: done, Total: total, CurrentCommand: name, Index: index, CommandID: id, Attempt: 1, State: state,
	}}
}

// at is an event at a time.
func at(t time.Time, e *engine.Event) *engine.Event {
	e.Time = t
	return e
}

// wrote is the event that a command wrote a line.
func wrote(index int, line string) *engine.Event {
	return &engine.Event{Kind: engine.StdoutWritten, ExecutionID: engine.ID{15: byte(index + 1)}, Line: []byte(line)}
}

const running = engine.PlanState(engine.Running)

func TestPlanOnTerminal_HasALineForEachThatRuns(t *testing.T) {
	t.Parallel()
	start := now().Add(-5 * time.Second)
	frame := cli.PlanFrame([2]int{60, 10}, start, now(),
		at(start, stepOf(0, 0, 5, "fetch", running)),
		at(start, stepOf(0, 1, 5, "fetch", engine.PlanState(engine.Completed))),
		at(start.Add(2*time.Second), stepOf(1, 1, 5, "scan[eu]", running)),
		at(start.Add(4*time.Second), stepOf(2, 1, 5, "scan[東京]", running)),
		wrote(1, "page 1"), wrote(1, "page 2\tof \x1b[31m9"), wrote(0, "of one that is over"),
		at(start, stepOf(3, 2, 5, "late", engine.PlanState(engine.Failed))),
	)
	want := "▸ scan[eu]      3.0s  page 2 of ␛[31m9\n" +
		"▸ scan[東京]    1.0s\n" +
		"2/5 over, 2 running, 1 failed  5.0s"
	wantText(t, "the drawing", want, strings.Join(frame, "\n"))
}

// What a command took before stands behind what it takes.
func TestPlanOnTerminal_TellsWhatItTookBefore(t *testing.T) {
	t.Parallel()
	start := now().Add(-3 * time.Second)
	known := at(start, stepOf(1, 0, 3, "known", running))
	known.Progress.EstimateMS, known.Progress.PlanEstimateMS = 12_000, 61_000
	frame := cli.PlanFrame([2]int{60, 10}, start, now(), at(start, stepOf(0, 0, 3, "new", running)), wrote(0, "a"), known, wrote(1, "b"))
	wantText(t, "the drawing", "▸ new      3.0s          a\n▸ known    3.0s of ~12s  b\n0/3 over, 2 running  3.0s of ~1m01s", strings.Join(frame, "\n"))
}

func TestPlanOnTerminal_FitsIntoIt(t *testing.T) {
	t.Parallel()
	var events []*engine.Event
	for i := range 100 {
		events = append(events, stepOf(i, 0, 200, fmt.Sprintf("scan[region 東京 %d]", i), running), wrote(i, strings.Repeat("東京 ", 200)))
	}
	for _, size := range [][2]int{{80, 24}, {200, 60}, {20, 5}, {3, 2}, {1, 1}} {
		frame := cli.PlanFrame(size, now(), now(), events...)
		if most := max(size[1]-1, 1); len(frame) > most {
			t.Errorf("at %v: %d lines", size, len(frame))
		}
		for _, line := range frame {
			if n := cli.Columns(line); n >= size[0] && size[0] > 3 {
				t.Errorf("at %v: %q has %d columns", size, line, n)
			}
		}
		if size[0] >= 80 && !strings.Contains(frame[len(frame)-1], fmt.Sprintf("0/200 over, 100 running (%d not shown)", 100-len(frame)+1)) {
			t.Errorf("at %v: %q", size, frame[len(frame)-1])
		}
	}
}

func TestPlanOnTerminal_CollapsesWhatIsOver(t *testing.T) {
	t.Parallel()
	var few, many []*engine.Event
	for i, state := range []engine.PlanState{engine.PlanState(engine.Completed), engine.PlanState(engine.Failed), engine.PlanSkipped, engine.PlanRetrying} {
		for total, to := range map[int]*[]*engine.Event{4: &few, 1000: &many} {
			name := fmt.Sprintf("c%d", i)
			if state != engine.PlanSkipped {
				*to = append(*to, stepOf(i, i, total, name, running))
			}
			*to = append(*to, stepOf(i, i+1, total, name, state))
		}
	}
	wantText(t, "few", "✔ c0  completed\n✘ c1  failed\n- c2  skipped\n↻ c3  failed at attempt 1, is run again", strings.Join(cli.PlanStays(few...), "\n"))
	wantText(t, "many", "✘ c1  failed\n↻ c3  failed at attempt 1, is run again", strings.Join(cli.PlanStays(many...), "\n"))
}
