package engine

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"regexp"
	"slices"
	"time"

	"github.com/escher-dbai/cloudops-engine/internal/ansi"
	"github.com/escher-dbai/cloudops-engine/internal/journal"
)

// LineQuery chooses lines of output. The zero value chooses all; what is given has
// to hold together.
type LineQuery struct {
	// Streams are those whose lines are chosen; empty: both.
	Streams []Stream
	// From is a cursor: what a reader has seen who goes on from there is not chosen.
	From Cursor
	// Last is how many lines to give at most: the last of the streams, before
	// Contains and Match have their say. Zero: all.
	Last int
	// LastBytes gives the lines that the last so many bytes of the streams are in.
	LastBytes int64
	// FirstNumber and LastNumber bound the numbers of lines, both included. Each
	// stream counts its own, from 1.
	FirstNumber, LastNumber int64
	// Since and Until bound the time: Since ≤ time < Until. Output that comes within
	// two milliseconds has one time, more where a limit made times coarser.
	Since, Until time.Time
	// Contains is text that a line has, as it is.
	Contains string
	// Match is a regular expression that a line matches, in the syntax of RE2.
	Match string
	// Plain gives text as a terminal without colours would show it: without escape
	// sequences and control characters, and of what carriage returns overwrite the
	// last. Contains and Match are asked about that.
	Plain bool
	// Limit is how many lines to give at most: the first that are chosen. Zero: all.
	Limit int
}

// Line is one line of output.
type Line struct {
	Stream Stream
	// Number counts the lines of a stream from 1.
	Number int64
	// Cursor is where a reader goes on that has seen this line.
	Cursor Cursor
	Time   time.Time
	// Text is without the newline. It must not be changed, and is what it says until
	// the loop goes on: keep a copy.
	Text []byte
	// Partial marks a line that has no end yet.
	Partial bool
	// Continues marks a piece of a line longer than 1 MiB, or one cut by a gap: the
	// next of the same number goes on where it stops. Contains and Match are asked
	// about each piece.
	Continues bool
	// Unended marks a last line without a newline.
	Unended bool
}

// Lines yields the lines that a query chooses. See [API].
func (e *Engine) Lines(ctx context.Context, id ID, q LineQuery) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		s, err := e.subject(ctx, id)
		if err != nil {
			yield(Line{}, err)
			return
		}
		v, err := q.view()
		if err != nil {
			yield(Line{}, err)
			return
		}
		left := q.Limit
		err = s.journal.Lines(ctx, v, func(l journal.Line) bool {
			left--
			l.Text = q.shown(l.Text)
			return yield(lineOf(&l), nil) && left != 0
		})
		if errors.Is(err, journal.ErrBeyondEnd) {
			err = fault(ErrBeyondEnd, "execution %s ends at %d", id, s.journal.End())
		}
		if err != nil {
			yield(Line{}, err)
		}
	}
}

func lineOf(l *journal.Line) Line {
	return Line{
		Stream: l.Stream, Number: l.Number, Cursor: Cursor(l.Cursor), Time: l.Time.UTC(), Text: l.Text,
		Partial: l.SoFar, Continues: l.Continues, Unended: l.Unended,
	}
}

func (q *LineQuery) shown(text []byte) []byte {
	if q.Plain {
		return ansi.Plain(text)
	}
	return text
}

// PlainText returns what is text in a line of output, as [LineQuery.Plain] has it: an
// [Event.Line] of a progress bar is then what it shows now.
func PlainText(line []byte) []byte { return ansi.Plain(line) }

// view is the query as the record understands it.
func (q *LineQuery) view() (*journal.View, error) {
	if least := min(int64(q.From), int64(q.Last), q.LastBytes, q.FirstNumber, q.LastNumber, int64(q.Limit)); least < 0 {
		return nil, fault(ErrInvalid, "a query of lines has %d in it: numbers are at least 0", least)
	}
	v := &journal.View{
		From: int64(q.From), Last: int64(q.Last), LastBytes: q.LastBytes,
		FirstNumber: q.FirstNumber, LastNumber: q.LastNumber, Since: q.Since, Until: q.Until,
	}
	for _, s := range []Stream{Stdout, Stderr} {
		v.Without[s] = len(q.Streams) > 0 && !slices.Contains(q.Streams, s)
	}
	var match *regexp.Regexp
	if q.Match != "" {
		var err error
		if match, err = regexp.Compile(q.Match); err != nil {
			return nil, Advise(fault(ErrInvalid, "match %q: %v", clip(q.Match, 64), err), "the syntax is that of RE2; text as it is goes into contains")
		}
	}
	text := []byte(q.Contains)
	if len(text) > 0 && !bytes.Contains(text, []byte{'\n'}) {
		v.Find = func(lines []byte) int { return bytes.Index(lines, text) }
	}
	if q.Plain {
		v.Find = nil // what is searched for may have sequences in it
	}
	v.Choose = func(line []byte) bool {
		line = q.shown(line)
		return (len(text) == 0 || bytes.Contains(line, text)) && (match == nil || match.Match(line))
	}
	return v, nil
}
