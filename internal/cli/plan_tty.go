package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// ttyPlan shows a plan on a terminal: below, a line for each command that runs, drawn again and
// again; above it, one for each that is over. Nothing of the terminal is changed for that, not
// even its cursor, so that there is nothing to restore however we end. Keys are not read: Ctrl-C
// is a signal, as ever.
type ttyPlan struct {
	style style
	size  func() (width, height int)
	group *lifecycle.Group // who draws; nil before the first event

	mu      sync.Mutex
	out     io.Writer
	board   *planBoard
	started time.Time
	drawn   int  // lines that are drawn below
	shut    bool // nothing is drawn any more
}

// drawEvery is how often the time that passes is shown.
const drawEvery = 100 * time.Millisecond

func newTTYPlan(out io.Writer, size func() (width, height int), s style) *ttyPlan {
	return &ttyPlan{style: s, size: size, out: out, board: newPlanBoard(), started: time.Now()}
}

// begin draws again and again, for time passes.
func (v *ttyPlan) begin() {
	v.group = lifecycle.New()
	v.group.Go(func(ctx context.Context) {
		tick := time.NewTicker(drawEvery)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				v.show(now, "")
			case <-ctx.Done():
				return
			}
		}
	})
}

// event takes up what happened, and shows at once what is over.
func (v *ttyPlan) event(e *engine.Event) {
	if v.group == nil {
		v.begin()
	}
	if line := v.stays(e); line != "" {
		v.show(time.Now(), line+"\n")
	}
}

// stays takes up what happened, and returns the line that stays of it.
func (v *ttyPlan) stays(e *engine.Event) string {
	row := v.take(e)
	if row == nil || e.Progress == nil || row.state == engine.PlanState(engine.Running) || v.collapses(row.state) {
		return ""
	}
	return v.over(row)
}

func (v *ttyPlan) take(e *engine.Event) *planRow {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.board.take(e)
}

// fewCommands is up to how many commands each has a line when it is over. Of more only those have
// that did not end well: the others are counted.
const fewCommands = 50

func (v *ttyPlan) collapses(s engine.PlanState) bool {
	return v.board.total > fewCommands && !failed(s) && s != engine.PlanRetrying
}

// close takes away what is drawn, and draws nothing any more.
func (v *ttyPlan) close() {
	if v.group != nil {
		v.group.Stop(nil)
		v.group.Wait()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	say(v.out, "%s", v.back()+clearBelow)
	v.shut, v.drawn = true, 0
}

// back goes up to where the drawing begins.
func (v *ttyPlan) back() string {
	if v.drawn == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r", v.drawn)
}

// show writes lines that stay, and draws below them what runs.
func (v *ttyPlan) show(now time.Time, stay string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.shut {
		say(v.out, "%s", stay)
		return
	}
	width, height := v.size()
	lines := v.board.frame(width, height, now, v.started, v.style)
	all := stay + strings.Join(lines, "\n") + "\n"
	say(v.out, "%s", v.back()+strings.ReplaceAll(all, "\n", clearLine+"\n")+clearBelow)
	v.drawn = len(lines)
}

// besideTTY is stderr, on the terminal on which a plan is shown: what is written there stays
// above what is drawn. Whoever writes to it writes whole lines.
type besideTTY struct{ view *ttyPlan }

func (b besideTTY) Write(p []byte) (int, error) {
	b.view.show(time.Now(), string(p))
	return len(p), nil
}

// over is the line of a command that is over.
func (v *ttyPlan) over(row *planRow) string {
	width, _ := v.size()
	icon, paint := planIcon(row.state, v.style)
	return paint(icon) + " " + cut(row.name+"  "+row.outcome(), max(width-3, 1))
}

// planIcon is what stands before a command.
func planIcon(s engine.PlanState, style style) (icon string, paint func(string) string) {
	switch {
	case s == engine.PlanState(engine.Completed):
		return "✔", style.green
	case failed(s):
		return "✘", style.red
	case s.Over():
		return "-", style.yellow
	case s == engine.PlanRetrying:
		return "↻", style.yellow
	}
	return "▸", style.cyan
}

// frame is what is drawn again and again: a line a command that runs, the oldest first, and one
// about the whole. It leaves the last line of the terminal free, for what is typed.
func (b *planBoard) frame(width, height int, now, started time.Time, s style) []string {
	room := max(height-3, 0)
	rows, more := b.rows, 0
	if len(rows) > room {
		rows, more = rows[:room], len(rows)-room
	}
	widest, guess := 0, 0
	for _, row := range rows {
		widest, guess = max(widest, min(columns(row.name), widestName)), max(guess, len(before(row.estimate)))
	}
	lines := make([]string, 0, len(rows)+1)
	for _, row := range rows {
		icon, paint := planIcon(row.state, s)
		name := cut(row.name, widest)
		blanks := strings.Repeat(" ", widest-columns(name))
		text := fmt.Sprintf("%s%s  %6s%-*s  %s", name, blanks, brief(now.Sub(row.started)), guess, before(row.estimate), row.tail)
		lines = append(lines, paint(icon)+" "+strings.TrimRight(cut(text, max(width-3, 1)), " "))
	}
	whole := fmt.Sprintf("%d/%d over, %d running", b.done, b.total, len(b.rows))
	if more > 0 {
		whole += fmt.Sprintf(" (%d not shown)", more)
	}
	bad := 0
	for state, n := range b.ended {
		if failed(state) {
			bad += n
		}
	}
	if bad > 0 {
		whole += fmt.Sprintf(", %d failed", bad)
	}
	return append(lines, cut(whole+"  "+brief(now.Sub(started))+before(b.estimate), max(width-1, 1)))
}
