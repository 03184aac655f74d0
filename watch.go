package engine

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// showAfter is how long a line without an end waits before it is shown.
const showAfter = 100 * time.Millisecond

// records is how many records one look into a journal takes at most. A reader
// begins with fewer: most records are short.
const (
	records    = 32
	fewRecords = 8
)

// rooms are for the records of readers that are behind, while they are: of a crowd, nearly
// all wait for the next line.
type rooms struct{ free sync.Pool }

// room is what a reader reads into: a few records, or many while it is behind.
type room struct {
	few  [fewRecords]journal.Record
	many *[records]journal.Record
}

func (r *room) records() []journal.Record {
	if r.many != nil {
		return r.many[:]
	}
	return r.few[:]
}

// fit makes a room fit for a reader whose last look gave n records.
func (p *rooms) fit(r *room, n int) {
	switch {
	case n == fewRecords && r.many == nil:
		if r.many, _ = p.free.Get().(*[records]journal.Record); r.many == nil {
			r.many = new([records]journal.Record)
		}
	case n < fewRecords:
		p.leave(r)
	}
}

// leave gives back what fit has lent, with nothing in it.
func (p *rooms) leave(r *room) {
	if r.many != nil {
		clear(r.many[:])
		p.free.Put(r.many)
		r.many = nil
	}
}

// subject is an execution as a reader of its record knows it: live or finished.
type subject struct {
	id      ID
	journal *journal.Journal
	live    *execution // nil when it was on the shelf already
	done    *finished  // nil while live
	// over is closed when a live one has its final, where its record is another
	// process's: the end of that may be seen before. Nil where it cannot.
	over func() <-chan struct{}
}

// subject finds an execution whose record can be read. Errors: ErrNotFound,
// ErrExpired, ErrStore.
func (e *Engine) subject(ctx context.Context, id ID) (subject, error) {
	x, f, err := e.lookup(ctx, id)
	switch {
	case err != nil:
		return subject{}, err
	case x != nil:
		return e.subjectOf(x), nil
	case f.journal == nil:
		return subject{}, Advise(fault(ErrExpired, "the output of execution %s is not kept any more", id), "its result is")
	}
	return subject{id: id, journal: f.journal, done: f}, nil
}

// subjectOf is one that is live.
func (e *Engine) subjectOf(x *execution) subject {
	s := subject{id: x.id, journal: x.journal, live: x}
	if e.finder != nil {
		s.over = func() <-chan struct{} { return e.over(x) }
	}
	return s
}

// final is the ending, once the journal is closed; nil where the engine has left it
// before.
func (s *subject) final() *finished {
	if s.done != nil {
		return s.done
	}
	if s.over != nil {
		<-s.over()
	}
	return s.live.final
}

// command is what runs.
func (s *subject) command() string {
	if s.live != nil {
		return s.live.shown.Load().line
	}
	return s.done.request.request().Command.String()
}

// actor is who asked for it.
func (s *subject) actor() Actor {
	if s.live != nil {
		r := s.live.shown.Load().request.request()
		return r.Actor
	}
	r := s.done.request.request()
	return r.Actor
}

// Watch yields the events of an execution. See [API].
func (e *Engine) Watch(ctx context.Context, id ID, from Cursor) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		ctx, leave := e.within(ctx)
		defer leave()
		s, err := e.subject(ctx, id)
		if err != nil {
			yield(Event{}, err)
			return
		}
		w := &watcher{subject: s, rooms: &e.rooms, from: from}
		if e.config.BufferOutput && s.live != nil {
			w.hold = e.over(s.live)
		}
		if err := w.run(ctx, func(ev Event) bool { return yield(ev, nil) }); err != nil {
			yield(Event{}, err)
		}
	}
}

// watcher turns records into events: notes into what they stand for, output
// into lines.
type watcher struct {
	subject subject
	rooms   *rooms
	from    Cursor          // events up to here were seen before
	hold    <-chan struct{} // output waits for it; nil: for nothing
	cutter  journal.Cutter
	noted   [2]Event // room for what a note stands for
}

// run yields until the record ends. The cutter is told of lines that began before
// the cursor once the record has reached it.
func (w *watcher) run(ctx context.Context, yield func(Event) bool) error {
	at := max(0, int64(w.from))
	started := false
	var room room
	defer w.rooms.leave(&room)
	for {
		buf := room.records()
		n, next, err := w.read(ctx, at, buf)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, journal.ErrBeyondEnd):
			return fault(ErrBeyondEnd, "execution %s ends at %d", w.subject.id, w.subject.journal.End())
		case errors.Is(err, errQuiet):
			if !w.cutter.SoFar(w.lines(yield)) {
				return nil
			}
			continue
		case err != nil:
			return err
		}
		if !started {
			started, w.cutter = true, w.subject.journal.Cutter(at)
		}
		at = next
		if i := firstOutput(buf[:n]); w.hold != nil && i < n {
			n, at = i, buf[i].Cursor
		}
		for i := range buf[:n] {
			if !w.events(&buf[i], yield) {
				return nil
			}
		}
		if w.hold != nil && at < next {
			if err := waitFor(ctx, w.hold); err != nil {
				return err
			}
			w.hold = nil
		}
		w.rooms.fit(&room, n)
	}
}

// firstOutput is the index of the first record that is not a note; else, how
// many there are.
func firstOutput(records []journal.Record) int {
	i := slices.IndexFunc(records, func(r journal.Record) bool { return r.Kind != journal.Note })
	if i < 0 {
		return len(records)
	}
	return i
}

// errQuiet is the cause of a read that showAfter ended.
var errQuiet = errors.New("nothing came for a while")

// read waits for more, but not longer than a line without an end may wait.
func (w *watcher) read(ctx context.Context, at int64, buf []journal.Record) (int, int64, error) {
	if w.cutter.Waiting() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, showAfter, errQuiet)
		defer cancel()
	}
	return w.subject.journal.Read(ctx, at, buf)
}

// events yields what one record stands for.
func (w *watcher) events(r *journal.Record, yield func(Event) bool) bool {
	switch r.Kind {
	case journal.Output:
		return w.cutter.Cut(r, w.lines(yield))
	case journal.Gap:
		if !w.cutter.Cut(r, w.lines(yield)) {
			return false
		}
		end := Cursor(r.Cursor + r.Width)
		if end <= w.from {
			return true
		}
		skipped := r.Width - max(0, int64(w.from)-r.Cursor)
		return yield(Event{
			Kind: OutputSkipped, ExecutionID: w.subject.id, Time: r.Time.UTC(), Cursor: end,
			Gap: Gap{Stream: r.Stream, Bytes: skipped},
		})
	default:
		if r.Code == noteEnded && !w.cutter.Flush(w.lines(yield)) {
			return false
		}
		return w.cutter.Cut(r, nil) && w.notes(r, yield)
	}
}

// lines makes events of lines and passes over those that were seen. A last line
// without a newline stands at the very end, where another may too: it is given
// again rather than lost.
func (w *watcher) lines(yield func(Event) bool) func(journal.Line) bool {
	return func(l journal.Line) bool {
		if at := Cursor(l.Cursor); at < w.from || at == w.from && !l.Unended {
			return true
		}
		kind := StdoutWritten
		if l.Stream == Stderr {
			kind = StderrWritten
		}
		return yield(Event{
			Kind: kind, ExecutionID: w.subject.id, Time: l.Time.UTC(), Cursor: Cursor(l.Cursor),
			Line: l.Text, Number: l.Number, Partial: l.SoFar, Continues: l.Continues, Unended: l.Unended,
		})
	}
}

// notes yields the events of a note that were not seen yet.
func (w *watcher) notes(r *journal.Record, yield func(Event) bool) bool {
	events := w.subject.eventsOf(w.noted[:0], r)
	start := r.Cursor + r.Width - int64(len(events))
	for i := range events {
		ev := &events[i]
		ev.ExecutionID, ev.Time, ev.Cursor = w.subject.id, r.Time.UTC(), Cursor(start+int64(i)+1)
		if ev.Cursor > w.from && !yield(*ev) {
			return false
		}
	}
	return true
}

// eventsOf appends the events that a note stands for, as many as its width.
func (s *subject) eventsOf(out []Event, r *journal.Record) []Event {
	switch r.Code {
	case noteAccepted:
		return append(out, Event{Kind: ExecutionAccepted, Command: s.command(), Actor: s.actor()})
	case noteStarted:
		return append(out,
			Event{Kind: ExecutionStatusChanged, OldStatus: Pending, NewStatus: Running},
			Event{Kind: ExecutionStarted, Command: s.command()},
		)
	case noteStopping:
		return append(out, Event{Kind: ExecutionStopping})
	case noteKilling:
		return append(out, Event{Kind: ExecutionKilling})
	case noteResized:
		return append(out, Event{Kind: TerminalResized, Size: sizeOf(r.Detail)})
	case noteExtended:
		return append(out, Event{Kind: DeadlineExtended, Deadline: deadlineOf(r.Detail)})
	case noteProgress:
		commands, estimateMS := s.planned()
		return append(out, Event{Kind: PlanProgressed, Progress: progressOf(s.id, r.Detail, commands, estimateMS)})
	case noteEnded:
		return s.ending(out)
	}
	return nil
}

// planned are the commands of a plan, as far as names, numbers and estimates, and what the
// plan took before.
func (s *subject) planned() (commands []PlanCommandResult, estimateMS int64) {
	switch {
	case s.live != nil && s.live.plan != nil:
		return s.live.plan.commands, s.live.plan.estimateMS // which stay
	case s.done != nil && s.done.rare != nil && s.done.rare.plan != nil:
		return s.done.rare.plan.Results, s.done.rare.plan.EstimateMS
	case s.done != nil:
		if r := s.done.ending(); r.Plan != nil {
			return r.Plan.Results, r.Plan.EstimateMS
		}
	}
	return nil, 0
}

func (s *subject) ending(out []Event) []Event {
	f := s.final()
	if f == nil {
		return out
	}
	if s.live != nil {
		return f.lastEvents(out, s.live.result())
	}
	return f.lastEvents(out, f.result())
}

// lastEvents appends the events of an ending.
func (f *finished) lastEvents(out []Event, r Result) []Event {
	before := Running
	if f.started == 0 {
		before = Pending
	}
	last := Event{Kind: EventKind(r.Status), Result: &r, Error: r.Error}
	if f.rare != nil {
		last.Timeout = f.rare.limit
	}
	return append(out, Event{Kind: ExecutionStatusChanged, OldStatus: before, NewStatus: f.status}, last)
}

// Output yields what an execution wrote. See [API].
func (e *Engine) Output(ctx context.Context, id ID, from Cursor) iter.Seq2[Output, error] {
	return func(yield func(Output, error) bool) {
		ctx, leave := e.within(ctx)
		defer leave()
		s, err := e.subject(ctx, id)
		if err != nil {
			yield(Output{}, err)
			return
		}
		var room room
		defer e.rooms.leave(&room)
		var loan journal.Loan
		defer loan.Return()
		for at := int64(from); ; {
			buf := room.records()
			n, next, err := s.journal.Borrow(ctx, at, buf, &loan)
			switch {
			case errors.Is(err, io.EOF):
				return
			case errors.Is(err, journal.ErrBeyondEnd):
				yield(Output{}, fault(ErrBeyondEnd, "execution %s ends at %d", id, s.journal.End()))
				return
			case err != nil:
				yield(Output{}, err)
				return
			}
			at = next
			for i := range buf[:n] {
				if o, ok := outputOf(&buf[i]); ok && !yield(o, nil) {
					return
				}
			}
			e.rooms.fit(&room, n)
		}
	}
}

func outputOf(r *journal.Record) (Output, bool) {
	o := Output{Stream: r.Stream, Data: r.Data, Time: r.Time.UTC(), Cursor: Cursor(r.Cursor + r.Width)}
	if r.Kind == journal.Gap {
		o.Skipped = r.Width
	}
	return o, r.Kind != journal.Note
}
