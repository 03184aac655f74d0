package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

// idsCommand is a command about executions that its arguments name.
type idsCommand struct {
	*program

	json bool
}

// idArgs makes a command take the ids of executions, with completion.
func (p *program) idArgs(cmd *cobra.Command, check cobra.PositionalArgs) *cobra.Command {
	cmd.Args, cmd.ValidArgsFunction = check, p.completeIDs
	cmd.Flags().SortFlags = false
	return cmd
}

// each calls f for each execution that is named, and goes on where it fails.
func (p *program) each(ctx context.Context, names []string, f func(ctx context.Context, d stateDir, id engine.ID) error) error {
	return p.withState(ctx, func(ctx context.Context, d stateDir) error {
		ids, err := resolve(ctx, d, names)
		if err != nil {
			return err
		}
		var faults []error
		for _, id := range ids {
			faults = append(faults, f(ctx, d, id))
		}
		return errors.Join(faults...)
	})
}

func (p *program) statusCommand() *cobra.Command {
	c := &idsCommand{program: p}
	cmd := p.idArgs(&cobra.Command{
		Use: "status [--json] ID…", Short: "Say where in its life an execution is",
		Long: `Of a plan its commands come as well.`,
		Example: `  cloudops status @last
  cloudops status --json 019a5c1e | jq -r .status`,
		RunE: func(cmd *cobra.Command, args []string) error {
			first := true
			return p.each(cmd.Context(), args, func(ctx context.Context, d stateDir, id engine.ID) error {
				x, err := d.Get(ctx, id)
				switch {
				case err != nil:
					return err
				case c.json:
					return writeJSON(p.stdout, x)
				case !first:
					say(p.stdout, "\n")
				}
				first = false
				style := styleOf(p.stdout, p.noColour)
				if showExecution(p.stdout, style, &x, time.Now()); x.Type != string(engine.CommandTypePlan) {
					return nil
				}
				plan, err := engine.PlanFrom(ctx, d, id)
				if err == nil {
					showCommands(p.stdout, style, &plan, time.Now())
				}
				return err
			})
		},
	}, needIDs)
	cmd.Flags().BoolVar(&c.json, "json", false, "one JSON object a line for each")
	return cmd
}

// facts are names and what they are, as people read them. Empty ones are left out.
type facts [][2]string

func (f *facts) add(name, text string) {
	if text != "" {
		*f = append(*f, [2]string{name, text})
	}
}

func (f *facts) write(w io.Writer) {
	width := 0
	for _, fact := range *f {
		width = max(width, len(fact[0]))
	}
	for _, fact := range *f {
		say(w, "%-*s  %s\n", width, fact[0], fact[1])
	}
}

// showExecution shows all that is known of one.
func showExecution(w io.Writer, s style, x *engine.Execution, now time.Time) {
	var f facts
	f.add("id", x.ID.String())
	status := s.status(x.Status)(string(x.Status))
	if x.QueuePosition > 0 {
		status += fmt.Sprintf(", %d in the queue", x.QueuePosition)
	}
	f.add("status", status)
	f.add("command", oneLine(x.Command))
	f.add("type", x.Type)
	f.add("accepted", moment(x.AcceptedAt, now))
	f.add("started", moment(x.StartedAt, now))
	f.add("ended", moment(x.CompletedAt, now))
	if !x.StartedAt.IsZero() {
		f.add("ran for", ran(x, now, brief))
	}
	if !x.Deadline.IsZero() && !x.Status.Terminal() {
		f.add("deadline", fmt.Sprintf("%s (in %s)", exact(x.Deadline), brief(x.Deadline.Sub(now))))
	}
	if text := exitText(x); text != "-" {
		f.add("exit code", text)
	}
	f.add("actor", actorText(x.Actor))
	f.add("source", oneLine(x.Metadata.Source))
	if x.Metadata.ConversationID != (engine.ID{}) {
		f.add("conversation", x.Metadata.ConversationID.String())
	}
	f.add("tags", tagText(x.Metadata.Tags))
	f.write(w)
}

// moment is a time, and how long ago it was.
func moment(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s (%s ago)", exact(t), age(t, now))
}

func actorText(a engine.Actor) string {
	if a == (engine.Actor{}) {
		return ""
	}
	text := strings.TrimSuffix(string(a.Kind)+":"+oneLine(a.Name), ":")
	if a.Role != "" {
		text += " (" + oneLine(a.Role) + ")"
	}
	if a.OnBehalfOf != "" {
		text += " on behalf of " + oneLine(a.OnBehalfOf)
	}
	return text
}

func tagText(tags map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, oneLine(name+"="+tags[name]))
	}
	return strings.Join(all, " ")
}
