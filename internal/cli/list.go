package cli

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

// listing is how executions are listed: by ps, history, and top.
type listing struct {
	*program

	filter               []string
	limit                int
	json, quiet, noTrunc bool
	all, ended           bool // those that have ended too
}

// declare declares the flags that ps and history share.
func (l *listing) declare(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringArrayVar(&l.filter, "filter", nil, filterUsage)
	flags.IntVar(&l.limit, "limit", 0, "`N` at most")
	flags.BoolVarP(&l.quiet, "quiet", "q", false, "whole ids alone, one a line")
	flags.BoolVar(&l.noTrunc, "no-trunc", false, "whole ids and commands, exact times; so it is anyway where stdout is no terminal")
	flags.BoolVar(&l.json, "json", false, "one JSON object: executions, and next where there are more")
	_ = cmd.RegisterFlagCompletionFunc("filter", completeFilter) // the flag is there
}

// ask is the filter that the flags describe.
func (l *listing) ask() (engine.Filter, error) {
	if l.limit < 0 {
		return engine.Filter{}, fault("leave it out for the default", "--limit: %d is below 1", l.limit)
	}
	return parseFilter(l.filter)
}

// show writes a list.
func (l *listing) show(all []engine.Execution, p engine.Page) error {
	p.Executions = all
	switch {
	case l.json:
		return writeJSON(l.stdout, &p)
	case l.quiet:
		for i := range all {
			say(l.stdout, "%s\n", all[i].ID)
		}
		return nil
	}
	width := widthOf(l.stdout)
	if l.noTrunc {
		width = 0
	}
	l.table(all, time.Now(), width).write(l.stdout)
	return nil
}

// table is a list for people: cut to the width of a terminal and with ages, or where
// width is 0 whole and exact.
func (l *listing) table(all []engine.Execution, now time.Time, width int) *table {
	t := &table{width: width}
	whole := width == 0
	id, when, since, took := shortened(all), "AGE", func(t time.Time) string { return age(t, now) }, brief
	if whole {
		id, when, since, took = engine.ID.String, "ACCEPTED", exact, time.Duration.String
	}
	t.columns = []column{{title: "ID"}, {title: "STATUS"}, {title: when, right: !whole, spare: 1}, {title: "TIME", right: true, spare: 2}}
	if l.ended {
		t.columns = append(t.columns, column{title: "EXIT", right: true, spare: 3})
	}
	t.columns = append(t.columns, column{title: "COMMAND"})
	s := styleOf(l.stdout, l.noColour)
	for i := range all {
		x := &all[i]
		row := []cell{{text: id(x.ID)}, {text: string(x.Status), paint: s.status(x.Status)}, {text: since(x.AcceptedAt)}, {text: ran(x, now, took)}}
		if l.ended {
			row = append(row, cell{text: exitText(x)})
		}
		t.add(append(row, cell{text: oneLine(x.Command)})...)
	}
	return t
}

// ran is for how long an execution has run by now, - where it never did.
func ran(x *engine.Execution, now time.Time, text func(time.Duration) string) string {
	switch {
	case x.StartedAt.IsZero():
		return "-"
	case x.Status == engine.Running: // a history does not count
		return text(max(now.Sub(x.StartedAt), 0).Round(time.Millisecond))
	}
	return text(x.Duration.Round(time.Millisecond))
}

// exitText is the exit code of an execution, - where there is none.
func exitText(x *engine.Execution) string {
	if !x.Status.Terminal() || x.ExitCode < 0 {
		return "-"
	}
	return strconv.Itoa(x.ExitCode)
}

// status paints a status as what it means.
func (s style) status(of engine.Status) func(string) string {
	switch of {
	case engine.Completed:
		return s.green
	case engine.Running:
		return s.cyan
	case engine.Pending, engine.AwaitingApproval, engine.Cancelled:
		return s.yellow
	case engine.Failed, engine.TimedOut, engine.Rejected, engine.Lost:
		return s.red
	}
	return nil
}

// writeJSON writes one value as one line of JSON.
func writeJSON(w interface{ Write(p []byte) (int, error) }, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return out.Encode(v)
}
