package cli

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/lifecycle"
)

// logsCommand is "cloudops logs": its flags.
type logsCommand struct {
	*program

	follow, times, json, raw, plain   bool
	since, until, tail, stream, match string
}

func (p *program) logsCommand() *cobra.Command {
	c := &logsCommand{program: p}
	cmd := p.idArgs(&cobra.Command{
		Use: "logs [FLAGS] ID…", Short: "Show what executions wrote, and with -f what they go on to write",
		Long: `stdout goes to stdout and stderr to stderr, byte for byte. Of several executions the
lines come by their time, each behind the id that it is of. What a limit left out is
said on stderr. With -f it ends when they have; Ctrl-C ends the looking alone. Of a plan it is
what its commands wrote; -f follows those that it starts, too, each line behind a name.

On a terminal, what would do more than colour it or move within a line is shown
instead; --raw leaves it as it is. --plain makes text of it, anywhere, line by line.`,
		Example: `  cloudops logs -f @last
  cloudops logs --tail 100 --stream stderr -t 019a5c1e
  cloudops logs --since 10m --grep 'error|denied' @last
  cloudops logs -f $(cloudops ps -q)`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.logs(cmd.Context(), args) },
	}, needIDs)
	flags := cmd.Flags()
	flags.BoolVarP(&c.follow, "follow", "f", false, "go on until they have ended")
	flags.StringVarP(&c.tail, "tail", "n", "", "the last `N` lines alone")
	flags.StringVar(&c.since, "since", "", "from `WHEN` on: 10m ago, or a time")
	flags.StringVar(&c.until, "until", "", "up to `WHEN`")
	flags.BoolVarP(&c.times, "timestamps", "t", false, "when each line began")
	flags.StringVar(&c.stream, "stream", "", "`STREAM` alone: stdout or stderr")
	flags.StringVar(&c.match, "grep", "", "lines alone that match `REGEXP` (RE2)")
	flags.BoolVar(&c.raw, "raw", false, "let output command the terminal: title, clipboard, screen")
	flags.BoolVar(&c.plain, "plain", false, "write text alone: no colours or other escape sequences")
	flags.BoolVar(&c.json, "json", false, "write events, one JSON object a line")
	_ = cmd.RegisterFlagCompletionFunc("stream", cobra.FixedCompletions([]string{"stdout", "stderr"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// wanted is which lines of each execution are asked for.
type wanted struct {
	query engine.LineQuery
	match *regexp.Regexp // nil: all
	none  bool           // nothing of what there is: --tail 0
	// bytes has output shown as it comes, and not line by line.
	bytes bool
}

// want reads the flags, and reports every fault.
func (c *logsCommand) want() (w wanted, err error) {
	var faults []error
	when := func(flag, text string) (t time.Time) {
		if text == "" {
			return t
		}
		t, err := parseWhen(text)
		if err != nil {
			faults = append(faults, about(flag, err))
		}
		return t
	}
	w.query.Since, w.query.Until = when("--since", c.since), when("--until", c.until)
	if c.tail != "" {
		n, err := strconv.Atoi(c.tail)
		if err != nil || n < 0 {
			faults = append(faults, fault("", "--tail: %q is not a number of lines", clip(c.tail)))
		}
		w.query.Last, w.none = n, n == 0
	}
	switch c.stream {
	case "":
	case engine.Stdout.String():
		w.query.Streams = []engine.Stream{engine.Stdout}
	case engine.Stderr.String():
		w.query.Streams = []engine.Stream{engine.Stderr}
	default:
		faults = append(faults, about("--stream", oneOf(c.stream, []string{"stdout", "stderr"})))
	}
	if c.match != "" {
		if w.match, err = regexp.Compile(c.match); err != nil {
			faults = append(faults, fault("the syntax is that of RE2", "--grep: %v", err))
		}
		w.query.Match = c.match
	}
	if c.json && (c.raw || c.plain || c.times) {
		faults = append(faults, fault("leave one of them away", "--json has all of an event, and --raw, --plain and -t are for people"))
	}
	if c.raw && c.plain {
		faults = append(faults, fault("leave one of them away", "--raw leaves output as it is, and --plain makes text of it"))
	}
	w.bytes = !c.times && !c.json && w.match == nil && c.until == ""
	return w, errors.Join(faults...)
}

func (c *logsCommand) logs(ctx context.Context, names []string) error {
	w, err := c.want()
	if err != nil {
		return err
	}
	ctx, stop := heeding(ctx)
	defer stop()
	return left(ctx, c.withState(ctx, func(ctx context.Context, d stateDir) error {
		ids, err := resolve(ctx, d, names)
		if err != nil {
			return err
		}
		if c.follow {
			told, err := tellPlans(ctx, d, ids)
			if err != nil {
				return err
			}
			if len(told.plans) > 0 {
				v := c.viewer(nil)
				defer v.flush()
				return c.followPlans(ctx, d, told, v, &w)
			}
		} else if ids, err = ofPlans(ctx, d, ids); err != nil {
			return err
		}
		v := c.viewer(ids)
		defer v.flush()
		if len(ids) == 1 && w.bytes {
			return v.whole(ctx, d, ids[0], &w, c.follow)
		}
		return c.lines(ctx, d, v, ids, &w)
	}))
}

// viewer shows the output of executions, as the flags have it.
func (c *logsCommand) viewer(ids []engine.ID) *viewer {
	show := func(w io.Writer) io.Writer {
		if w = guarded(w, c.raw); c.plain {
			w = newText(w)
		}
		return w
	}
	v := &viewer{
		program: c.program, to: [2]io.Writer{engine.Stdout: show(c.stdout), engine.Stderr: show(c.stderr)},
		json: c.json, times: c.times,
	}
	if len(ids) > 1 {
		v.names(ids)
	}
	return v
}

// lines shows lines: what there is in the order of time, and what comes as it comes.
func (c *logsCommand) lines(ctx context.Context, d stateDir, v *viewer, ids []engine.ID, w *wanted) error {
	followed := make([]*followed, 0, len(ids))
	for _, id := range ids {
		x, err := d.Get(ctx, id)
		if err != nil {
			return err
		}
		followed = append(followed, newFollowed(&x, w))
	}
	if every := w.query.Last == 0 && !w.none && w.query.Since.IsZero(); !c.json || !c.follow || !every {
		if err := v.merge(ctx, d, followed); err != nil || !c.follow {
			return err
		}
	}
	faults := make([]error, len(followed))
	group := lifecycle.New()
	for i, f := range followed {
		group.Go(func(context.Context) { faults[i] = v.follow(ctx, d, f) })
	}
	group.Wait()
	return errors.Join(faults...)
}
