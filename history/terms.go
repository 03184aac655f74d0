package history

import (
	"math"
	"slices"
	"strings"
	"time"

	engine "github.com/escher-dbai/cloudops-engine"
)

// term is one thing that a filter asks for.
type term struct {
	// cond tests a row e of execution; @seq in it is the column to bound.
	cond string
	args []any
	// ways find the rows by an index, in order; none: there is no index.
	ways []way
	// more says that the ways find more than cond does. They are counted to see how
	// rare the term is, and must not have to look at rows for that.
	more bool
	// text says that it is the text: its ways are worked out for each filter.
	text bool
	// sorts says that what the ways find is in no order: they are for few rows.
	sorts bool
}

// way is one way to find rows: each yields its rows in the order of seq, unless its
// term sorts.
type way struct {
	rows  string // what to select from, with e as the execution
	index string // what to count in
	seq   string // the column that is in order
	cond  string
	args  []any
	// blocks says that its rows come in blocks of textBlock at most. The blocks are in the
	// order of the page, the rows in them are not.
	blocks bool
}

// by is a way by an index on a column.
func by(column, cond string, args ...any) way {
	index := "execution e INDEXED BY execution_" + column
	return way{rows: index, index: index, seq: "e.seq", cond: cond, args: args}
}

// equal is a term that a column has a value.
func equal(column string, value any) term {
	cond := "e." + column + " = ?"
	return term{cond: cond, args: []any{value}, ways: []way{by(column, cond, value)}}
}

// termsOf are the terms of a filter. Skew is how far the order of acceptance may be
// ahead of the time of acceptance.
func termsOf(f *engine.Filter, skew int64) []term {
	var all []term
	if f.IDPrefix != "" {
		all = append(all, idTerm(f))
	}
	if len(f.Status) > 0 {
		all = append(all, statusTerm(f.Status))
	}
	if len(f.Type) > 0 {
		all = append(all, typeTerm(f.Type))
	}
	if f.Program != "" {
		all = append(all, equal("program", f.Program))
	}
	if f.Source != "" {
		all = append(all, equal("source", f.Source))
	}
	if f.ConversationID != (engine.ID{}) {
		all = append(all, equal("conversation", f.ConversationID[:]))
	}
	for name, value := range f.Tags {
		all = append(all, tagTerm(name, value))
	}
	if f.ExitCode != nil {
		t := term{cond: "e.exit_code = ?", args: []any{*f.ExitCode}}
		if *f.ExitCode != 0 {
			t.ways = []way{by("exit_code", "e.exit_code <> 0 AND e.exit_code = ?", *f.ExitCode)}
		}
		all = append(all, t)
	}
	if f.Text != "" {
		all = append(all, term{cond: "instr(e.command, ?) > 0", args: []any{f.Text}, text: true, more: true})
	}
	return append(all, timeTerms(f, skew)...)
}

// idTerm is for a prefix that is long enough to tell few executions from all others.
// One that is not is found by walking, and soon.
func idTerm(f *engine.Filter) term {
	first, last := f.IDRange()
	args := []any{first[:], last[:]}
	cond := "e.id BETWEEN ? AND ?"
	return term{cond: cond, args: args, ways: []way{by("id", cond, args...)}, sorts: true}
}

func statusTerm(of []engine.Status) term {
	t := term{cond: "e.status IN (" + marks(len(of)) + ")", args: anys(of)}
	if !slices.Contains(of, engine.Completed) { // which is not in the index
		for _, status := range unique(of) {
			t.ways = append(t.ways, by("status", "e.status <> 'completed' AND e.status = ?", status))
		}
	}
	return t
}

// typeTerm finds the types that have one program by that program. The others are
// what most executions are.
func typeTerm(of []engine.CommandType) term {
	t := term{cond: "e.type IN (" + marks(len(of)) + ")", args: anys(of), more: true}
	for _, kind := range unique(of) {
		program, ok := programOf(kind)
		if !ok {
			t.ways = nil
			break
		}
		t.ways = append(t.ways, by("program", "e.program = ?", program))
	}
	return t
}

// programOf is what each command of a type runs.
func programOf(kind engine.CommandType) (program string, ok bool) {
	switch kind {
	case engine.CommandTypeAWS:
		return "aws", true
	case engine.CommandTypeGcloud, engine.CommandTypeAz, engine.CommandTypeKubectl, engine.CommandTypeTerraform:
		return string(kind), true
	default:
		return "", false
	}
}

func tagTerm(name, value string) term {
	args := []any{name, value}
	return term{
		cond: "EXISTS (SELECT 1 FROM tag WHERE name = ? AND value = ? AND seq = e.seq)", args: args,
		ways: []way{{
			rows: "tag t CROSS JOIN execution e ON e.seq = t.seq", index: "tag t", seq: "t.seq",
			cond: "t.name = ? AND t.value = ?", args: args,
		}},
	}
}

// timeTerms bound the time of acceptance, and by it the place in the order.
func timeTerms(f *engine.Filter, skew int64) (all []term) {
	if !f.Since.IsZero() {
		since := bound(f.Since)
		all = append(all, term{cond: "e.accepted >= ? AND @seq >= ?", args: []any{since, since}})
	}
	if !f.Until.IsZero() {
		until := bound(f.Until)
		all = append(all, term{cond: "e.accepted < ? AND @seq < ?", args: []any{until, until + min(skew, math.MaxInt64-max(until, 0))}})
	}
	return all
}

// bound is a time in nanoseconds since 1970, or the nearest that can be counted.
func bound(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

func anys[T any](all []T) []any {
	out := make([]any, len(all))
	for i, v := range all {
		out[i] = v
	}
	return out
}

// unique has each value once.
func unique[T ~string](all []T) []T {
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}
