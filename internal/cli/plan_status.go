package cli

import (
	"context"
	"io"
	"strconv"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// showCommands shows the commands of a plan below what is known of it: a line each, or of many
// only those that run or did not end well.
func showCommands(w io.Writer, s style, p *engine.PlanResult, now time.Time) {
	say(w, "\n")
	t := &table{
		width:   widthOf(w),
		columns: []column{{title: "STATUS"}, {title: "TIME", right: true}, {title: "EXIT", right: true}, {title: "ID", spare: 1}, {title: "NAME"}},
	}
	left := 0
	for i := range p.Results {
		c := &p.Results[i]
		if len(p.Results) > fewCommands && (c.State.Over() && !failed(c.State) || c.Attempts == 0 || len(t.rows) == fewCommands) {
			left++
			continue
		}
		_, paint := planIcon(c.State, s)
		id := "-"
		if c.ID != (engine.ID{}) {
			id = c.ID.String()
		}
		t.add(cell{text: string(c.State), paint: paint}, cell{text: tookText(c, now)}, cell{text: exitOf(c)}, cell{text: id}, cell{text: oneLine(c.Name)})
	}
	if len(t.rows) > 0 {
		t.write(w)
	}
	if left > 0 {
		say(w, "and %s: cloudops status --json tells of all\n", counted(left, "command", "commands"))
	}
}

// tookText is how long a command of a plan took, or has taken, and what it took before.
func tookText(c *engine.PlanCommandResult, now time.Time) string {
	switch {
	case c.StartedAt.IsZero():
		return "-"
	case c.State.Over():
		return brief(c.CompletedAt.Sub(c.StartedAt))
	}
	return brief(now.Sub(c.StartedAt)) + before(milliseconds(c.EstimateMS))
}

func exitOf(c *engine.PlanCommandResult) string {
	if c.ExitCode < 0 {
		return "-"
	}
	return strconv.Itoa(c.ExitCode)
}

// ofPlans are executions with those of the commands in place of a plan, as far as they were
// started.
func ofPlans(ctx context.Context, d stateDir, ids []engine.ID) ([]engine.ID, error) {
	var all []engine.ID
	for _, id := range ids {
		x, err := d.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		if x.Type != string(engine.CommandTypePlan) {
			all = append(all, id)
			continue
		}
		p, err := engine.PlanFrom(ctx, d, id)
		if err != nil {
			return nil, err
		}
		for i := range p.Results {
			if c := &p.Results[i]; c.ID != (engine.ID{}) {
				all = append(all, c.ID)
			}
		}
	}
	return all, nil
}
