package cli

import (
	"context"
	"iter"
	"slices"

	engine "github.com/escher-dbai/cloudops-engine"
)

// followed is an execution as far as its output was shown.
type followed struct {
	id    engine.ID
	want  *wanted
	ended bool
	from  engine.Cursor // what comes behind it was not shown
	least engine.Cursor // where that begins at least: not all that there was is asked for

	begun  [2]bool // a line was shown of each stream
	number [2]int64
	open   [2]bool // the last line shown of each stream goes on, or has no newline
}

func newFollowed(x *engine.Execution, w *wanted) *followed {
	f := &followed{id: x.ID, want: w, ended: x.Status.Terminal()}
	if w.none || w.query.Last > 0 || !w.query.Since.IsZero() || w.match != nil {
		f.least = x.Cursor
		f.begun = [2]bool{true, true}
	}
	return f
}

// lines yields what there is, and remembers how far that goes.
func (f *followed) lines(ctx context.Context, api engine.API) iter.Seq2[engine.Line, error] {
	return func(yield func(engine.Line, error) bool) {
		if !f.want.none {
			for l, err := range api.Lines(ctx, f.id, f.want.query) {
				if !yield(l, err) || err != nil {
					return
				}
				f.from = max(f.from, l.Cursor)
			}
		}
		if f.from == 0 || f.want.match != nil {
			f.from = max(f.from, f.least) // what was not chosen by then never is
		}
	}
}

// skipped is how many lines are missing before one, and remembers that it was shown.
func (f *followed) skipped(l *engine.Line) int64 {
	s := l.Stream
	missing := l.Number - f.number[s] - 1
	if f.want.match != nil || f.begun[s] && f.number[s] == 0 {
		missing = 0
	}
	f.number[s] = l.Number
	f.open[s] = l.Continues || l.Unended || l.Partial
	return max(missing, 0)
}

// match reports whether a stream is asked for.
func (f *followed) match(s engine.Stream) bool {
	return len(f.want.query.Streams) == 0 || slices.Contains(f.want.query.Streams, s)
}

// chosen reports whether a line that came is asked for.
func (f *followed) chosen(l *engine.Line) bool {
	q := &f.want.query
	return f.match(l.Stream) && !l.Time.Before(q.Since) && (q.Until.IsZero() || l.Time.Before(q.Until)) &&
		(f.want.match == nil || f.want.match.Match(l.Text))
}
