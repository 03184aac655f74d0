package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
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
		Long: `Shows what runs and waits, for how long, and the last line of each. Keys:

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
		return c.withState(ctx, func(ctx context.Context, d stateDir) error {
			rows, err := look(ctx, d, listMost)
			if err == nil {
				topTable(rows, widthOf(c.stdout), styleOf(c.stdout, c.noColour)).write(c.stdout)
			}
			return err
		})
	}
	if !isTerminal(c.stdin) || !isTerminal(c.stdout) {
		return fault("--once shows it once; cloudops ps --json is for programs", "top needs a terminal to be live on")
	}
	return c.withState(ctx, func(ctx context.Context, d stateDir) error {
		return newScreen(c.program, d, every).show(ctx)
	})
}

// topRow is one execution in the table.
type topRow struct {
	engine.Execution

	last string // line of its output
}

// listMost is how many executions are listed at most.
const listMost = 1000

// look finds what runs and waits: first what runs, the newest first. The first few are
// asked for their last line.
func look(ctx context.Context, api engine.API, few int) ([]topRow, error) {
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
	return rows, nil
}

// commandShare is how much of the width commands may take: a third.
const commandShare = 3

// topTable is what top shows.
func topTable(rows []topRow, width int, s style) *table {
	t := &table{width: width, columns: []column{
		{title: "ID"}, {title: "STATUS", spare: 1}, {title: "TIME", right: true}, {title: "COMMAND"}, {title: "LAST LINE"},
	}}
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
		took := ran(&x.Execution, brief)
		if x.QueuePosition > 0 {
			took = fmt.Sprintf("#%d", x.QueuePosition)
		}
		t.add(cell{text: id(x.ID)}, cell{text: string(x.Status), paint: s.status(x.Status)}, cell{text: took},
			cell{text: command}, cell{text: x.last})
	}
	return t
}

// clock is the time of day as a screen shows it.
func clock(t time.Time) string { return t.Format(time.TimeOnly) }
