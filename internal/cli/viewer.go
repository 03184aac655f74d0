package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"sync"

	engine "github.com/escher-dbai/cloudops-engine"
	"github.com/escher-dbai/cloudops-engine/internal/ansi"
)

// viewer shows the output of executions. It is safe for concurrent use by those who
// follow one each.
type viewer struct {
	*program

	to          [2]io.Writer // by stream
	json, times bool
	prefix      map[engine.ID]string // nil: lines do not say what they are of

	mu   sync.Mutex
	line []byte // room for one
}

func newText(w io.Writer) io.Writer { return ansi.NewText(w) }

// names gives each execution what its lines begin with.
func (v *viewer) names(ids []engine.ID) {
	all := make([]engine.Execution, 0, len(ids))
	for _, id := range ids {
		all = append(all, engine.Execution{ID: id})
	}
	short, s := shortened(all), styleOf(v.stdout, v.noColour)
	v.prefix = make(map[engine.ID]string, len(ids))
	for _, id := range ids {
		v.prefix[id] = linePrefix(s, id[:], short(id))
	}
}

// name has the lines of a command of a plan begin with its name, as plan run has them.
func (v *viewer) name(id engine.ID, name string) {
	prefix := linePrefix(styleOf(v.stdout, v.noColour), []byte(name), name)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.prefix[id] = prefix
}

// flush writes what is held of a line without end.
func (v *viewer) flush() {
	for _, w := range v.to {
		if held, ok := w.(interface{ Flush() error }); ok {
			_ = held.Flush() // a reader that has gone has seen enough
		}
	}
}

// whole shows the output of one execution as it was written, byte for byte.
func (v *viewer) whole(ctx context.Context, api engine.API, id engine.ID, w *wanted, follow bool) error {
	x, err := api.Get(ctx, id)
	if err != nil {
		return err
	}
	f := newFollowed(&x, w)
	for l, err := range f.lines(ctx, api) {
		if err != nil {
			return err
		}
		cutOff := f.open[l.Stream]
		if missing := f.skipped(&l); missing > 0 {
			if cutOff {
				_ = v.write(l.Stream, []byte{'\n'}) // the next one tells
			}
			v.missing(f.id, l.Stream, counted(missing, "line", "lines"))
		}
		text := l.Text
		if !f.open[l.Stream] {
			text = append(slices.Clip(text), '\n')
		}
		if err := v.write(l.Stream, text); err != nil {
			return err
		}
	}
	switch {
	case f.ended:
		return v.gone(ctx, api, f)
	case !follow:
		return nil
	}
	return v.output(ctx, api, f)
}

// gone says what is missing at the end of the output of an execution that has ended:
// all of it may have been let go.
func (v *viewer) gone(ctx context.Context, api engine.API, f *followed) error {
	if f.want.match != nil || f.want.none || !f.want.query.Until.IsZero() {
		return nil
	}
	r, err := api.Result(ctx, f.id)
	if err != nil {
		return err
	}
	for s, total := range [2]int64{engine.Stdout: r.Output.StdoutLines, engine.Stderr: r.Output.StderrLines} {
		if missing := total - f.number[s]; missing > 0 && f.match(engine.Stream(s)) && (!f.begun[s] || f.number[s] > 0) {
			v.missing(f.id, engine.Stream(s), counted(missing, "line", "lines"))
		}
	}
	return nil
}

// output shows what comes, as it comes.
func (v *viewer) output(ctx context.Context, api engine.API, f *followed) error {
	for o, err := range api.Output(ctx, f.id, f.from) {
		switch {
		case err != nil:
			return err
		case !f.match(o.Stream):
		case o.Skipped > 0:
			v.missing(f.id, o.Stream, sizeText(o.Skipped))
		default:
			if err := v.write(o.Stream, o.Data); err != nil {
				return err
			}
		}
	}
	return nil
}

// merge shows the lines that there are of several executions, by their times.
func (v *viewer) merge(ctx context.Context, api engine.API, all []*followed) error {
	type source struct {
		*followed

		line engine.Line
		next func() (engine.Line, error, bool)
	}
	var sources []*source
	advance := func(s *source) (bool, error) {
		l, err, ok := s.next()
		s.line = l
		return ok, err
	}
	for _, f := range all {
		next, stop := iter.Pull2(f.lines(ctx, api))
		defer stop()
		s := &source{followed: f, next: next}
		more, err := advance(s)
		if err != nil {
			return err
		}
		switch {
		case more:
			sources = append(sources, s)
		case f.ended:
			if err := v.gone(ctx, api, f); err != nil {
				return err
			}
		}
	}
	for len(sources) > 0 {
		s := slices.MinFunc(sources, func(a, b *source) int { return a.line.Time.Compare(b.line.Time) })
		if !s.line.Partial { // it comes again
			if err := v.show(s.followed, &s.line); err != nil {
				return err
			}
		}
		more, err := advance(s)
		if err != nil {
			return err
		}
		if !more && s.ended {
			err = v.gone(ctx, api, s.followed)
		}
		if err != nil {
			return err
		}
		if !more {
			sources = slices.DeleteFunc(sources, func(one *source) bool { return one == s })
		}
	}
	return nil
}

// follow shows the lines that come, until the execution has ended.
func (v *viewer) follow(ctx context.Context, api engine.API, f *followed) error {
	if f.ended && !v.json {
		return nil
	}
	for e, err := range api.Watch(ctx, f.id, f.from) {
		if err != nil {
			return err
		}
		switch e.Kind {
		case engine.StdoutWritten, engine.StderrWritten:
			l := engine.Line{
				Number: e.Number, Cursor: e.Cursor, Time: e.Time, Text: e.Line,
				Partial: e.Partial, Continues: e.Continues, Unended: e.Unended,
			}
			if e.Kind == engine.StderrWritten {
				l.Stream = engine.Stderr
			}
			again := l.Unended && l.Number == f.number[l.Stream]
			if l.Partial || again || !f.chosen(&l) {
				continue
			}
			err = v.show(f, &l)
		case engine.OutputSkipped:
			f.begun[e.Gap.Stream], f.number[e.Gap.Stream] = true, 0
			if f.match(e.Gap.Stream) {
				v.missing(f.id, e.Gap.Stream, sizeText(e.Gap.Bytes))
				err = v.event(&e)
			}
		default:
			err = v.event(&e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// show writes one line, and before it how many are missing.
func (v *viewer) show(f *followed, l *engine.Line) error {
	missing := f.skipped(l)
	if v.json {
		kind := engine.StdoutWritten
		if l.Stream == engine.Stderr {
			kind = engine.StderrWritten
		}
		return v.event(&engine.Event{
			Kind: kind, ExecutionID: f.id, Time: l.Time, Cursor: l.Cursor, Line: l.Text, Number: l.Number,
			Continues: l.Continues, Unended: l.Unended,
		})
	}
	if missing > 0 {
		v.missing(f.id, l.Stream, counted(missing, "line", "lines"))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.line = append(v.line[:0], v.prefix[f.id]...)
	if v.times {
		v.line = append(l.Time.UTC().AppendFormat(v.line, timeLayout), ' ')
	}
	v.line = append(v.line, l.Text...)
	if bytes.IndexByte(l.Text, '\x1b') >= 0 && (v.times || v.prefix != nil) {
		v.line = append(v.line, "\x1b[0m"...) // what it left on is not for the next line
	}
	v.line = append(v.line, '\n')
	return v.writeLocked(l.Stream, v.line)
}

// timeLayout is RFC 3339 in one width.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// event writes an event where those are asked for.
func (v *viewer) event(e *engine.Event) error {
	if !v.json {
		return nil
	}
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return v.write(engine.Stdout, append(data, '\n'))
}

// missing says that something of a stream is no longer there.
func (v *viewer) missing(id engine.ID, s engine.Stream, what string) {
	if v.json {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	say(v.stderr, "%s", v.prefix[id])
	v.note("not kept: %s of %s", what, s)
}

func (v *viewer) write(s engine.Stream, p []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.writeLocked(s, p)
}

func (v *viewer) writeLocked(s engine.Stream, p []byte) error {
	_, err := v.to[s].Write(p)
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err // it names /dev/stdout
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", s, err)
	}
	return nil
}
