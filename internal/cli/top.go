package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/process"
)

// topCommand is "cloudops top": its flags.
type topCommand struct {
	*program

	once     bool
	interval string
}

func (p *program) topCommand() *cobra.Command {
	c := &topCommand{program: p}
	cmd := &cobra.Command{
		Use: "top [FLAGS]", Short: "Watch what runs and waits, on a live screen", Args: noArgs,
		Long: `Shows what runs and waits, for how long, what of the processors and the memory it uses
(Linux), and the last line of each. Keys:

  up, down, j, k   select one
  Enter            its output; Ctrl-C or its end goes back
  c, K             cancel it, kill it; asks before
  q, Ctrl-C        leave; all goes on`,
		Example: `  cloudops top
  cloudops top --once`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.top(cmd.Context()) },
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&c.once, "once", false, "show it once, for scripts")
	cmd.Flags().StringVar(&c.interval, "interval", "1s", "look again after `DURATION`")
	return cmd
}

func (c *topCommand) top(ctx context.Context) error {
	every, err := parseDuration(c.interval)
	if err != nil {
		return about("--interval", err)
	}
	if c.once {
		return c.withDirectory(ctx, func(ctx context.Context, d stateDir) error {
			rows, err := new(lookout).look(ctx, d, listMost)
			if err == nil {
				topTable(rows, time.Now(), widthOf(c.stdout), styleOf(c.stdout, c.noColour)).write(c.stdout)
			}
			return err
		})
	}
	if !isTerminal(c.stdin) || !isTerminal(c.stdout) {
		return fault("--once shows it once; cloudops ps --json is for programs", "top needs a terminal to be live on")
	}
	return c.withDirectory(ctx, func(ctx context.Context, d stateDir) error {
		return newScreen(c.program, d, every).show(ctx)
	})
}

// topRow is one execution in the table.
type topRow struct {
	engine.Execution

	last string // line of its output
	// load is what it uses now; nil where nobody knows. Share is how much of one processor
	// it has kept busy since the last look, or at the first since its start.
	load  *process.Load
	share float64
}

// listMost is how many executions are listed at most.
const listMost = 1000

// loader is a state directory that knows what executions use now. Of those that are not
// in what it returns it does not.
type loader interface {
	Loads(ctx context.Context, ids []engine.ID) map[engine.ID]process.Load
}

// lookout looks again and again, and remembers what it saw last.
type lookout struct {
	at    time.Time
	loads map[engine.ID]process.Load
}

// look finds what runs and waits: first what runs, the newest first. The first few are
// asked for their last line.
func (o *lookout) look(ctx context.Context, api engine.API, few int) ([]topRow, error) {
	var rows []topRow
	for _, status := range [][]engine.Status{{engine.Running}, {engine.Pending, engine.AwaitingApproval}} {
		all, _, err := list(ctx, api, engine.Filter{Status: status}, listMost)
		if err != nil {
			return nil, err
		}
		for i := range all {
			rows = append(rows, topRow{Execution: all[i]})
		}
	}
	for i := range rows[:min(few, len(rows))] {
		for l, err := range api.Lines(ctx, rows[i].ID, engine.LineQuery{Last: 1, Plain: true}) {
			if err != nil {
				break // it may be gone, and its row goes next time
			}
			rows[i].last = oneLine(string(l.Text))
		}
	}
	o.weigh(ctx, api, rows, time.Now())
	return rows, nil
}

// weigh finds out what they use, where somebody knows.
func (o *lookout) weigh(ctx context.Context, api engine.API, rows []topRow, now time.Time) {
	l, ok := api.(loader)
	if !ok {
		return
	}
	var ids []engine.ID
	for i := range rows {
		if rows[i].Status == engine.Running {
			ids = append(ids, rows[i].ID)
		}
	}
	loads := l.Loads(ctx, ids)
	for i := range rows {
		x := &rows[i]
		load, known := loads[x.ID]
		if !known {
			continue
		}
		x.load = &load
		before, since := o.loads[x.ID], now.Sub(o.at)
		if o.loads == nil || before.Processes == 0 {
			since = now.Sub(x.StartedAt)
		}
		if since > 0 { // processes that have gone take their time along
			x.share = max(float64(load.CPUTime-before.CPUTime)/float64(since), 0)
		}
	}
	o.at, o.loads = now, loads
}

// commandShare is how much of the width commands may take: a fourth.
const commandShare = 4

// topTable is what top shows. What they use has columns where it is known of one. The
// status goes first where there is little room: what waits has no time.
func topTable(rows []topRow, now time.Time, width int, s style) *table {
	t := &table{width: width, columns: []column{{title: "ID"}, {title: "STATUS", spare: 3}, {title: "TIME", right: true}}}
	weighed := slices.ContainsFunc(rows, func(r topRow) bool { return r.load != nil })
	if weighed {
		t.columns = append(t.columns, column{title: "CPU", right: true, spare: 1}, column{title: "MEMORY", right: true, spare: 2})
	}
	t.columns = append(t.columns, column{title: "COMMAND"}, column{title: "LAST LINE"})
	all := make([]engine.Execution, len(rows))
	for i := range rows {
		all[i] = rows[i].Execution
	}
	id := shortened(all)
	if width == 0 {
		id = engine.ID.String
	}
	for i := range rows {
		x := &rows[i]
		command := oneLine(x.Command)
		if width > 0 {
			command = cut(command, width/commandShare)
		}
		took := ran(&x.Execution, now, brief)
		if x.QueuePosition > 0 {
			took = fmt.Sprintf("#%d", x.QueuePosition)
		}
		row := []cell{{text: id(x.ID)}, {text: string(x.Status), paint: s.status(x.Status)}, {text: took}}
		if weighed {
			row = append(row, x.weight()...)
		}
		t.add(append(row, cell{text: command}, cell{text: x.last})...)
	}
	return t
}

// weight is what it uses, in two cells.
func (x *topRow) weight() []cell {
	if x.load == nil {
		return []cell{{text: "-"}, {text: "-"}}
	}
	return []cell{{text: fmt.Sprintf("%.0f%%", 100*x.share)}, {text: sizeText(x.load.MemoryBytes)}}
}

// clock is the time of day as a screen shows it.
func clock(t time.Time) string { return t.Format(time.TimeOnly) }
