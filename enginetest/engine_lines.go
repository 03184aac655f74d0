package enginetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

func lineCases() []one {
	return []one{
		{"LinesAreOfTheRecord", "Lines gives what was written, by line, in the order of the record", linesOfTheRecord},
		{"LinesAreChosen", "a query chooses by stream, place, number and text, and what is chosen is the same every time", linesChosen},
		{"LinesGoOnWithWatch", "who has seen a line goes on behind it with Watch, and with Lines", linesGoOn},
		{"LinesMadePlain", "a query can have the text without escape sequences, and of a progress bar what it shows at last", linesMadePlain},
		{"LinesOfNoSense", "a query that cannot be is ErrInvalid, a cursor behind the end ErrBeyondEnd, an id that is not known ErrNotFound", linesOfNoSense},
	}
}

// lines are those that a query chooses, each as "o1 text" or "e1 text".
func (b *bench) lines(t *testing.T, id engine.ID, q engine.LineQuery) []string {
	t.Helper()
	all := []string{}
	for l, err := range b.Lines(patient(t), id, q) {
		if err != nil {
			t.Fatalf("lines of %s by %+v: %v", id, q, err)
		}
		all = append(all, fmt.Sprintf("%c%d %s", l.Stream.String()[3], l.Number, l.Text))
	}
	return all
}

// bothStreams writes five lines to each stream.
func bothStreams() engine.Request {
	return sh(`for i in 1 2 3 4 5; do echo "out $i"; done; for i in 1 2 3 4 5; do echo "err $i" >&2; done; printf 'no newline' >&2`)
}

func linesOfTheRecord(b *bench) {
	t := b.t
	id := b.start(t, bothStreams())
	b.end(t, id)
	var whole []string
	for _, ev := range b.events(t, id, 0) {
		switch ev.Kind {
		case engine.StdoutWritten:
			whole = append(whole, fmt.Sprintf("o%d %s", ev.Number, ev.Line))
		case engine.StderrWritten:
			whole = append(whole, fmt.Sprintf("e%d %s", ev.Number, ev.Line))
		default:
		}
	}
	want(t, "lines", fmt.Sprint(whole), fmt.Sprint(b.lines(t, id, engine.LineQuery{})))
	want(t, "how many", 11, len(whole))
}

func linesChosen(b *bench) {
	t := b.t
	began := time.Now()
	id := b.start(t, bothStreams())
	r := b.end(t, id)
	stdout, stderr := []engine.Stream{engine.Stdout}, []engine.Stream{engine.Stderr}
	for what, c := range map[string]struct {
		query engine.LineQuery
		want  []string
	}{
		"one stream":           {engine.LineQuery{Streams: stdout, LastNumber: 2}, []string{"o1 out 1", "o2 out 2"}},
		"a range":              {engine.LineQuery{Streams: stderr, FirstNumber: 2, LastNumber: 3}, []string{"e2 err 2", "e3 err 3"}},
		"the last":             {engine.LineQuery{Streams: stderr, Last: 2}, []string{"e5 err 5", "e6 no newline"}},
		"the last of a stream": {engine.LineQuery{Streams: stdout, Last: 1}, []string{"o5 out 5"}},
		"the last bytes":       {engine.LineQuery{Streams: stdout, LastBytes: 6}, []string{"o5 out 5"}},
		"text":                 {engine.LineQuery{Contains: "t 3"}, []string{"o3 out 3"}},
		"an expression":        {engine.LineQuery{Match: `^e.*[12]$`}, []string{"e1 err 1", "e2 err 2"}},
		"both":                 {engine.LineQuery{Contains: "out", Match: `[45]`}, []string{"o4 out 4", "o5 out 5"}},
		"the first":            {engine.LineQuery{Contains: "err", Limit: 2}, []string{"e1 err 1", "e2 err 2"}},
		"a time before":        {engine.LineQuery{Until: began.Add(-time.Hour)}, []string{}},
		"a time behind":        {engine.LineQuery{Since: r.CompletedAt.Add(time.Hour)}, []string{}},
		"all times":            {engine.LineQuery{Streams: stdout, Since: began.Add(-time.Hour), Until: r.CompletedAt.Add(time.Hour), Limit: 1}, []string{"o1 out 1"}},
	} {
		want(t, what, fmt.Sprint(c.want), fmt.Sprint(b.lines(t, id, c.query)))
	}
}

func linesGoOn(b *bench) {
	t := b.t
	g := newGate(t)
	id := b.start(t, sh(`echo one; echo two; `+awaitGate+`echo three`, string(g)))
	var at engine.Cursor
	for ev, err := range b.Watch(patient(t), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if at = ev.Cursor; string(ev.Line) == "two" {
			break
		}
	}
	want(t, "what is there", "[o1 one o2 two]", fmt.Sprint(b.lines(t, id, engine.LineQuery{})))
	want(t, "what is behind what was seen", "[]", fmt.Sprint(b.lines(t, id, engine.LineQuery{From: at})))
	g.open(t)
	b.end(t, id)
	want(t, "what came since", "[o3 three]", fmt.Sprint(b.lines(t, id, engine.LineQuery{From: at})))
	for l, err := range b.Lines(patient(t), id, engine.LineQuery{Contains: "two"}) {
		if err != nil {
			t.Fatal(err)
		}
		want(t, "the line that Watch has behind it", "three", string(b.events(t, id, l.Cursor)[0].Line))
	}
}

func linesMadePlain(b *bench) {
	t := b.t
	id := b.start(t, sh(`printf '\033[31mred\033[0m\n10%%\r20%%\r30%%\n'`))
	b.end(t, id)
	want(t, "plain lines", "[o1 red o2 30%]", fmt.Sprint(b.lines(t, id, engine.LineQuery{Plain: true})))
	want(t, "found in plain text", "[o2 30%]", fmt.Sprint(b.lines(t, id, engine.LineQuery{Plain: true, Match: `^\d+%$`})))
	want(t, "as they were", "[o1 \x1b[31mred\x1b[0m o2 10%\r20%\r30%]", fmt.Sprint(b.lines(t, id, engine.LineQuery{})))
}

func linesOfNoSense(b *bench) {
	t := b.t
	r := b.do(t, sh("echo one"))
	first := func(id engine.ID, q engine.LineQuery) error {
		for _, err := range b.Lines(patient(t), id, q) {
			return err
		}
		return nil
	}
	for what, c := range map[string]struct {
		id    engine.ID
		query engine.LineQuery
		want  error
	}{
		"a bad expression":   {r.ID, engine.LineQuery{Match: "("}, engine.ErrInvalid},
		"a negative number":  {r.ID, engine.LineQuery{Last: -1}, engine.ErrInvalid},
		"beyond the end":     {r.ID, engine.LineQuery{From: r.Cursor + 1}, engine.ErrBeyondEnd},
		"nobody's execution": {newID(t), engine.LineQuery{}, engine.ErrNotFound},
	} {
		if err := first(c.id, c.query); !errors.Is(err, c.want) {
			t.Errorf("%s: want %v, got %v", what, c.want, err)
		}
	}
}
