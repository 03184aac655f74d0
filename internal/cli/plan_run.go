package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	engine "github.com/escher-dbai/cloudops-engine"
)

// planRunCommand is "cloudops plan run".
type planRunCommand struct {
	planCommand
	planShowing

	request requestFlags // who asks, and what it is called
	most    int          // commands at once
	detach  bool
	dry     bool
}

// planShowing is how a plan is shown that runs, and what it ends with.
type planShowing struct {
	progress string
	detailed bool
	noRecord bool
}

// The ways to show a plan that runs.
const (
	progressAuto  = "auto"
	progressTTY   = "tty"
	progressPlain = "plain"
	progressJSON  = "json"
	progressQuiet = "quiet"
)

func progressWays() []string {
	return []string{progressAuto, progressTTY, progressPlain, progressJSON, progressQuiet}
}

func (p *program) planRunCommand() *cobra.Command {
	c := &planRunCommand{planCommand: planCommand{program: p}}
	cmd := c.declare(&cobra.Command{
		Use: "run [FLAGS] FILE", Short: "Run a plan, and show what becomes of its commands",
		Long: `All of it is checked before anything starts. Directories are seen from here. On a terminal
each command that runs has a line, with its time and the last that it wrote; elsewhere what the
commands write comes as it is written, each line behind the name of its command. What the first
of those wrote that failed comes at the end, in full.

Ctrl-C asks what runs to end and starts nothing more, a second one kills it; so do TERM, HUP and
QUIT, QUIT at once. The plan ends with us, unless --detach leaves it to a daemon. It is recorded,
and its commands are, so that other terminals find them; --no-record leaves no trace.

It exits with 0 where the plan completed, 1 where commands failed, 124 where it took longer than
it may, and else as run does. With --detailed-exitcode: 0 every command ended well, 2 some failed
(also those with continue_on_error), 1 anything else but a signal to us.`,
		Example: `  cloudops plan run nightly.yaml --var region=eu-west-1
  cloudops plan run --progress json nightly.yaml | jq -r .event_type
  cloudops plan run --detach --tag team=data nightly.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.detailedly(c.run(cmd.Context(), args[0]))
		},
	})
	cmd.Flags().IntVar(&c.most, "max-concurrency", 0, "run at most `N` commands at once, whatever the plan says")
	c.flags(cmd)
	cmd.Flags().BoolVarP(&c.dry, "dry-run", "n", false, "check all of it where it would run, and show what that would be")
	cmd.Flags().BoolVarP(&c.detach, "detach", "d", false, "leave it to the daemon, and print its id alone")
	cmd.Flags().BoolVar(&c.noRecord, "no-record", false, "leave no trace of it: nothing finds it but us")
	c.request.values = map[string]*given{}
	c.request.add(flagGroup{set: cmd.Flags()}, recordFlags())
	return cmd
}

func (c *planShowing) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.progress, "progress", progressAuto, "`HOW` to show it: "+strings.Join(progressWays(), ", "))
	_ = cmd.RegisterFlagCompletionFunc("progress", cobra.FixedCompletions(progressWays(), cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().BoolVar(&c.detailed, "detailed-exitcode", false, "exit with 0: all well, 2: commands failed, 1: an error")
}

func (c *planRunCommand) run(ctx context.Context, path string) error {
	if !slices.Contains(progressWays(), c.progress) {
		return about("--progress", oneOf(c.progress, progressWays()))
	}
	p, s, err := c.read(path)
	if err != nil {
		return c.misread(ctx, p, s, err)
	}
	if c.most != 0 {
		p.Strategy.MaxConcurrency = c.most
		if wrong, ok := errors.AsType[*engine.PlanError](p.Check()); ok {
			return about("--max-concurrency", wrong.Faults[0].Err)
		}
	}
	if c.host() == "" {
		if err := placeHere(&p); err != nil {
			return err
		}
	}
	r := p.Request()
	if err := errors.Join(c.request.apply(&r), c.checkUnrecorded()); err != nil {
		return err
	}
	switch {
	case c.dry:
		steps, err := c.checkPlan(ctx, r)
		if err != nil {
			return s.placed(err)
		}
		return c.show(steps)
	case c.detach:
		return s.placed(c.leavePlan(ctx, r))
	}
	return s.placed(c.showPlan(ctx, c.program, r))
}

// checkUnrecorded says how --no-record goes with the other flags.
func (c *planRunCommand) checkUnrecorded() error {
	switch {
	case !c.noRecord:
	case c.detach:
		return fault("leave one of them away", "--detach and --no-record are both given: nobody could find it again")
	case c.host() != "":
		return fault("leave one of them away", "--host and --no-record are both given: a daemon records what it runs")
	}
	return nil
}

// placeHere has the commands of a plan run where somebody typed it, whoever runs them: seen from
// there are directories, too.
func placeHere(p *engine.Plan) error {
	here, err := os.Getwd()
	if err != nil {
		return about("the working directory", err)
	}
	for i := range p.Commands {
		r := &p.Commands[i].Request
		if filepath.IsAbs(r.WorkingDir) || strings.HasPrefix(r.WorkingDir, "${") { // a cell of a matrix may be anywhere
			continue
		}
		r.WorkingDir = filepath.Join(here, r.WorkingDir)
	}
	return nil
}

// openEngine makes the engine that runs a plan of so many commands.
func (c *planShowing) openEngine(ctx context.Context, p *program, config config, commands int) (engine.API, error) {
	if c.noRecord {
		own := config.engine
		own.MaxFinished = max(own.WithDefaults().MaxFinished, commands+1) // what failed is shown at the end
		return engine.New(own)
	}
	d, err := p.openState(ctx, config, true)
	if err != nil {
		return nil, unrecorded(err)
	}
	return d, nil
}

// showPlan runs a plan in the foreground.
func (c *planShowing) showPlan(ctx context.Context, p *program, request engine.Request) error {
	all, _, err := loadAll("")
	if err != nil {
		return err
	}
	plan, _ := request.Command.(engine.Plan)
	steps, err := plan.Steps()
	if err != nil {
		return err
	}
	s, err := newPlanSession(p, steps, c.progress)
	if err != nil {
		return err
	}
	s.actor = request.Actor
	s.listen()
	defer s.deaf()
	d, err := c.openEngine(ctx, p, all, len(steps))
	if err != nil {
		return err
	}
	s.engine = d
	if request.Trace == (engine.Trace{}) {
		request.Trace = traceHere()
	}
	if s.id, err = d.Execute(ctx, request); err != nil {
		return errors.Join(err, d.Shutdown(ctx))
	}
	result, err := s.attend(ctx)
	if errors.Is(err, errStuck) {
		return s.planVerdict(&result, c.detailed, c.noRecord, err)
	}
	if err == nil {
		err = s.summary(ctx, &result)
	}
	return s.planVerdict(&result, c.detailed, c.noRecord, errors.Join(err, d.Shutdown(ctx)))
}

// followPlan shows a plan until it has ended.
func (s *session) followPlan(ctx context.Context) (engine.Result, error) {
	defer s.view.close()
	for event, err := range engine.WatchPlan(ctx, s.engine, s.id, 0) {
		if err != nil {
			return engine.Result{}, err
		}
		s.view.event(&event)
	}
	return s.engine.Wait(ctx, s.id)
}

// planVerdict is what the program ends with.
func (s *session) planVerdict(r *engine.Result, detailed, unrecorded bool, err error) error {
	if ended := s.endedByUs(r, err); ended != nil {
		return ended
	}
	if r.Cause == "" {
		return err // nobody knows how it ended
	}
	code, why := resultCode(r), error(nil)
	switch {
	case r.Success, s.quiet:
	case unrecorded:
		why = errors.New(r.Error)
	default:
		why = fault(fmt.Sprintf("cloudops rerun --failed %s runs again what did not end well", r.ID), "%s", r.Error)
	}
	if detailed && r.Cause == engine.CauseCommands {
		code = 0
		if p := r.Plan; p != nil && p.Stats.Completed+p.Stats.Passed < p.Stats.Total {
			code = exitFailures
		}
	}
	return exitWith(code, errors.Join(why, err))
}

// detailedly has all that is no failure of a command, and no signal to us, be one code where
// that is asked for.
func (c *planShowing) detailedly(err error) error {
	if code := exitCode(err); !c.detailed || code == 0 || code == exitFailures || code > exitSignal {
		return err
	}
	if exit, ok := errors.AsType[*exitError](err); ok {
		err = exit.err
	}
	return exitWith(exitDetailed, err)
}
