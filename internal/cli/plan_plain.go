package cli

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"strings"

	engine "github.com/escher-dbai/cloudops-engine"
)

// newPlanSession is a plan in the foreground, shown in a way.
func newPlanSession(p *program, steps []engine.PlanStep, way string) (*session, error) {
	s := &session{
		what: "plan", quiet: way == progressQuiet, json: way == progressJSON,
		out:    newOutlet(guarded(p.stdout, false), guarded(p.stderr, false)),
		stderr: p.stderr, style: styleOf(p.stderr, p.noColour),
		signals: make(chan os.Signal, 8), pipes: make(chan os.Signal, 1),
	}
	live := isTerminal(p.stdout) && os.Getenv(kindVariable) != "dumb"
	switch {
	case way == progressTTY && !live:
		return nil, fault("--progress plain writes lines", "--progress tty: our stdout is no terminal that can show it")
	case way == progressTTY, way == progressAuto && live:
		s.onTerminal(p)
		return s, nil
	}
	switch way {
	case progressJSON:
		s.out = newEventOutlet(guarded(p.stdout, false), false)
		s.view = jsonPlan{s.out}
	case progressQuiet:
		s.view = quietPlan{}
	default:
		s.view = newPlainPlan(s, steps, styleOf(p.stdout, p.noColour))
	}
	return s, nil
}

// onTerminal has a plan shown on the terminal that is our stdout.
func (s *session) onTerminal(p *program) {
	out, _ := p.stdout.(*os.File) // it is a terminal
	view := newTTYPlan(out, func() (width, height int) { return sizeOf(out) }, styleOf(out, p.noColour))
	if s.view = view; isTerminal(p.stderr) {
		s.stderr = besideTTY{view}
	}
}

// quietPlan shows nothing.
type quietPlan struct{}

func (quietPlan) event(*engine.Event) {}
func (quietPlan) close()              {}

// jsonPlan writes events, one a line.
type jsonPlan struct{ out *outlet }

func (v jsonPlan) event(e *engine.Event) { v.out.event(e) }
func (v jsonPlan) close()                {}

// plainPlan writes lines: those of the commands, behind their names, and a note for each step.
type plainPlan struct {
	*session

	board  *planBoard
	width  int // of names
	colour style
}

// widestName bounds how far names push lines to the right.
const widestName = 24

func newPlainPlan(s *session, steps []engine.PlanStep, colour style) *plainPlan {
	v := &plainPlan{session: s, board: newPlanBoard(), colour: colour}
	for i := range steps {
		v.width = max(v.width, min(columns(oneLine(steps[i].Name)), widestName))
	}
	return v
}

func (v *plainPlan) close() { v.out.flush() }

func (v *plainPlan) event(e *engine.Event) {
	row := v.board.take(e)
	switch {
	case row == nil:
	case e.Kind == engine.StdoutWritten && !e.Partial:
		v.line(engine.Stdout, row.name, e.Line)
	case e.Kind == engine.StderrWritten && !e.Partial:
		v.line(engine.Stderr, row.name, e.Line)
	case e.Kind == engine.OutputSkipped:
		v.note("%s: not kept: %s of %s", row.name, sizeText(e.Gap.Bytes), e.Gap.Stream)
	case e.Progress != nil:
		v.stepped(row)
	}
}

// line writes a line of a command.
func (v *plainPlan) line(to engine.Stream, name string, text []byte) {
	line := []byte(v.prefix(name))
	line = append(line, text...)
	if bytes.IndexByte(text, '\x1b') >= 0 {
		line = append(line, "\x1b[0m"...) // what it left on is not for the next line
	}
	v.out.write(to, append(line, '\n'))
}

// prefix is what the lines of a command begin with, in a colour of its own.
func (v *plainPlan) prefix(name string) string {
	blanks := strings.Repeat(" ", max(0, v.width-columns(name)))
	return linePrefix(v.colour, []byte(name), name+blanks)
}

// linePrefix is what lines of something begin with: a label, in a colour that it always has.
func linePrefix(colour style, of []byte, label string) string {
	sum := fnv.New32a()
	_, _ = sum.Write(of) // it never fails
	return colour.paint(fmt.Sprint(31+sum.Sum32()%6), label+" |") + " "
}

// stepped tells what became of a command.
func (v *plainPlan) stepped(row *planRow) {
	text := row.outcome()
	switch {
	case failed(row.state):
		text = v.style.red(text)
	case row.state == engine.PlanState(engine.Completed):
		text = v.style.green(text)
	}
	v.note("%d/%d %s: %s", v.board.done, v.board.total, row.name, text)
}

// mostFailures bounds how many commands have their output shown once more.
const mostFailures = 10

// summary tells how a plan ended, and shows what those of its commands wrote that failed.
func (s *session) summary(ctx context.Context, r *engine.Result) error {
	if s.quiet || s.json || r.Plan == nil {
		return nil
	}
	shown, more := 0, 0
	for i := range r.Plan.Results {
		c := &r.Plan.Results[i]
		switch {
		case !failed(c.State) || c.ID == (engine.ID{}) || c.State == engine.PlanState(engine.Cancelled):
			continue
		case shown == mostFailures:
			more++
			continue
		}
		shown++
		s.note("the output of %s, which %s:", oneLine(c.Name), outcomeOf(c))
		if err := s.copyOf(ctx, c.ID); err != nil {
			return err
		}
	}
	if more > 0 {
		s.note("%s failed, too; cloudops result --json %s has their ids, and cloudops logs ID their output", counted(more, "command", "commands"), r.ID)
	}
	s.note("plan %s %s after %s: %s", r.ID, r.Status, brief(r.Duration), statsText(&r.Plan.Stats))
	return nil
}

// outcomeOf is how a command ended, in words behind "which".
func outcomeOf(c *engine.PlanCommandResult) string {
	text := string(c.State)
	if c.State == engine.PlanState(engine.TimedOut) {
		text = "took too long"
	}
	if c.ExitCode > 0 {
		text += fmt.Sprintf(" with exit code %d", c.ExitCode)
	}
	return text
}

// copyOf writes all that is recorded of an execution's output, its last line whole.
func (s *session) copyOf(ctx context.Context, id engine.ID) error {
	ends := [2]byte{'\n', '\n'}
	for out, err := range s.engine.Output(ctx, id, 0) {
		switch {
		case err != nil:
			return err
		case out.Skipped > 0:
			s.note("not kept: %s of %s", sizeText(out.Skipped), out.Stream)
		case len(out.Data) > 0:
			s.out.write(out.Stream, out.Data)
			ends[out.Stream] = out.Data[len(out.Data)-1]
		}
	}
	for stream, last := range ends {
		if last != '\n' {
			s.out.write(engine.Stream(stream), []byte{'\n'})
		}
	}
	s.out.flush()
	return nil
}

// statsText counts how the commands of a plan ended.
func statsText(s *engine.PlanStats) string {
	var parts []string
	for _, one := range []struct {
		n    int
		what string
	}{
		{s.Completed, "completed"},
		{s.Failed, "failed"},
		{s.TimedOut, "timed out"},
		{s.Cancelled, "cancelled"},
		{s.Rejected, "rejected"},
		{s.Lost, "lost"},
		{s.Skipped, "skipped"},
		{s.Passed, "passed over"},
	} {
		if one.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", one.n, one.what))
		}
	}
	return strings.Join(parts, ", ")
}
