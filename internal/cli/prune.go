package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

// pruneCommand is "cloudops prune": its flags.
type pruneCommand struct {
	*program

	olderThan, keepBytes string
	keep                 int
	filter               []string
	dryRun, yes          bool
}

func (p *program) pruneCommand() *cobra.Command {
	c := &pruneCommand{program: p}
	cmd := &cobra.Command{
		Use: "prune [FLAGS]", Short: "Forget executions that ended long ago, or are too many", Args: noArgs,
		Long: `Forgets those that any of the flags chooses, output and all; never one that has not
ended. It asks before it does where stdin is a terminal, and wants --yes elsewhere.`,
		Example: `  cloudops prune --older-than 720h
  cloudops prune --keep 1000 --keep-bytes 1GiB --yes
  cloudops prune --filter program=terraform --filter status=failed --dry-run`,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.prune(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&c.olderThan, "older-than", "", "those that ended longer ago than `DURATION` (36h, 30d), or before a time")
	flags.IntVar(&c.keep, "keep", 0, "all but the last `N` that ended")
	flags.StringVar(&c.keepBytes, "keep-bytes", "", "as many of the oldest as it takes for the history to need no more than `SIZE`")
	flags.StringArrayVar(&c.filter, "filter", nil, "those that match all of these; `KEY=VALUE` as of ps")
	flags.BoolVarP(&c.dryRun, "dry-run", "n", false, "say how many these are, and forget nothing")
	flags.BoolVarP(&c.yes, "yes", "y", false, "do not ask")
	_ = cmd.RegisterFlagCompletionFunc("filter", completeFilter) // the flag is there
	return cmd
}

// choice is what the flags choose.
func (c *pruneCommand) choice() (d engine.Deletion, err error) {
	var faults []error
	if c.olderThan != "" {
		if d.EndedBefore, err = parseWhen(c.olderThan); err != nil {
			faults = append(faults, about("--older-than", err))
		}
	}
	if c.keep != 0 {
		if d.Keep = c.keep; c.keep < 0 {
			faults = append(faults, fault("", "--keep: %d is below 1", c.keep))
		}
	}
	if c.keepBytes != "" {
		if d.KeepBytes, err = parseSize(c.keepBytes); err != nil {
			faults = append(faults, about("--keep-bytes", err))
		}
	}
	if len(c.filter) > 0 {
		f, err := parseFilter(c.filter)
		faults = append(faults, err)
		d.Match = &f
	}
	if err := errors.Join(faults...); err != nil {
		return d, err
	}
	if d.EndedBefore.IsZero() && d.Keep == 0 && d.KeepBytes == 0 && d.Match == nil {
		return d, fault("cloudops prune --older-than 720h, or --keep, --keep-bytes, --filter", "nothing says what to forget")
	}
	return d, nil
}

func (c *pruneCommand) prune(ctx context.Context) error {
	d, err := c.choice()
	if err != nil {
		return err
	}
	if c.dryRun && d.KeepBytes > 0 {
		return fault("leave one of them away", "--dry-run cannot foresee --keep-bytes: how much is freed shows when it is")
	}
	if !c.yes && !c.dryRun && !isTerminal(c.stdin) {
		return fault("--yes does it without asking, --dry-run tells how many", "stdin is no terminal, so nobody can be asked")
	}
	return c.withState(ctx, func(ctx context.Context, s stateDir) error {
		if !c.yes || c.dryRun {
			if well, err := c.foretell(ctx, s, d); !well {
				return err
			}
		}
		n, err := s.Delete(ctx, d)
		say(c.stdout, "%s forgotten\n", counted(n, "execution", "executions"))
		return err
	})
}

// foretell says what would go, and reports whether it shall.
func (c *pruneCommand) foretell(ctx context.Context, api engine.API, d engine.Deletion) (bool, error) {
	n, err := foresee(ctx, api, d)
	if err != nil {
		return false, err
	}
	what := counted(n, "execution", "executions")
	if d.KeepBytes > 0 {
		what += ", and the oldest as far as they take more than " + c.keepBytes
	}
	switch {
	case c.dryRun:
		say(c.stdout, "%s would be forgotten\n", what)
	case n == 0 && d.KeepBytes == 0:
		say(c.stdout, "there is nothing to forget\n")
	case c.agreed("Forget " + what + ", output and all?"):
		return true, nil
	default:
		return false, errors.New("nothing was forgotten")
	}
	return false, nil
}

// agreed asks a question on the terminal; all but yes is no.
func (c *pruneCommand) agreed(question string) bool {
	say(c.stderr, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(c.stdin).ReadString('\n') // none is no
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// foresee counts what would be deleted, but for the bytes.
func foresee(ctx context.Context, api engine.API, d engine.Deletion) (int, error) {
	type one struct {
		id    engine.ID
		ended time.Time
	}
	doomed := map[engine.ID]bool{}
	var kept []one
	err := pages(ctx, api, engine.Filter{Status: finished()}, func(x *engine.Execution) {
		if x.CompletedAt.Before(d.EndedBefore) {
			doomed[x.ID] = true
		} else {
			kept = append(kept, one{x.ID, x.CompletedAt})
		}
	})
	if err == nil && d.Match != nil {
		err = pages(ctx, api, *d.Match, func(x *engine.Execution) {
			if x.Status.Terminal() {
				doomed[x.ID] = true
			}
		})
	}
	if d.Keep > 0 {
		kept = slices.DeleteFunc(kept, func(o one) bool { return doomed[o.id] })
		slices.SortFunc(kept, func(a, b one) int { return cmp.Or(a.ended.Compare(b.ended)) })
		return len(doomed) + max(0, len(kept)-d.Keep), err
	}
	return len(doomed), err
}

// pages calls f for all that match.
func pages(ctx context.Context, api engine.API, f engine.Filter, do func(x *engine.Execution)) error {
	f.Limit = pageMost
	for {
		page, err := api.List(ctx, f)
		if err != nil {
			return err
		}
		for i := range page.Executions {
			do(&page.Executions[i])
		}
		if f.After = page.Next; f.After == "" {
			return nil
		}
	}
}
